from django.contrib import admin
from django.contrib.auth import views as auth_views
from django.urls import include, path

from models_registry.views.metrics import metrics
from reviews.views.interface_language import interface_language

urlpatterns = [
    path("accounts/login/", auth_views.LoginView.as_view(redirect_authenticated_user=True), name="login"),
    path("accounts/logout/", auth_views.LogoutView.as_view(), name="logout"),
    path("accounts/password/", auth_views.PasswordChangeView.as_view(), name="password_change"),
    path("accounts/password/done/", auth_views.PasswordChangeDoneView.as_view(), name="password_change_done"),
    path("accounts/language/", interface_language, name="interface_language"),
    path("metrics", metrics, name="metrics"),
    path("admin/", admin.site.urls),
    path("", include("models_registry.urls")),
    path("", include("reviews.urls")),
]
