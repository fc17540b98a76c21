from django.urls import path

from reviews.views import dashboards, evaluations, flags, generation, home, my_votes, practice, voting

urlpatterns = [
    path("", home.home, name="home"),
    path("evaluations/", evaluations.evaluations, name="evaluations"),
    path("evaluations/new/", evaluations.evaluation_new, name="evaluation_new"),
    path("evaluations/<int:pk>/", evaluations.evaluation, name="evaluation"),
    path("evaluations/<int:pk>/open/", evaluations.evaluation_open, name="evaluation_open"),
    path("evaluations/<int:pk>/close/", evaluations.evaluation_close, name="evaluation_close"),
    path("evaluations/<int:pk>/scan/", generation.evaluation_scan, name="evaluation_scan"),
    path("evaluations/<int:pk>/retry/", generation.evaluation_retry, name="evaluation_retry"),
    path("evaluations/<int:pk>/pause/", generation.evaluation_pause, name="evaluation_pause"),
    path("evaluations/<int:pk>/resume/", generation.evaluation_resume, name="evaluation_resume"),
    path("evaluations/<int:pk>/path/", generation.evaluation_path, name="evaluation_path"),
    path("evaluations/<int:pk>/cancel/", generation.evaluation_cancel, name="evaluation_cancel"),
    path("evaluations/<int:pk>/comparisons/", dashboards.comparisons, name="comparisons"),
    path("comparisons/<int:pk>/", dashboards.comparison, name="comparison"),
    path("comparisons/<int:pk>/flag/", flags.flag_comparison, name="flag_comparison"),
    path("evaluations/<int:pk>/vote/", voting.vote, name="vote"),
    path("evaluations/<int:pk>/release/", voting.release, name="release_held"),
    path("evaluations/<int:pk>/my-votes/", my_votes.my_votes, name="my_votes"),
    path("practice/", practice.practise, name="practice"),
    path("practice/<int:number>/", practice.practise, name="practise"),
    path("practice/<int:number>/vote/", practice.practise_vote, name="practise_vote"),
    path("tour/seen/", practice.tour_done, name="tour_seen"),
    path("assignments/<str:ticket>/", my_votes.my_vote, name="my_vote"),
    path("assignments/<str:ticket>/change/", my_votes.change, name="change_vote"),
    path("assignments/<str:ticket>/vote/", voting.cast, name="cast_vote"),
    path("assignments/<str:ticket>/undo/", voting.undo, name="undo_vote"),
    path("assignments/<str:ticket>/skip/", voting.skip, name="skip_turn"),
    path("assignments/<str:ticket>/flag/", voting.flag_example, name="flag_example"),
]
