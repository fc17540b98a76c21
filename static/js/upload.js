// How much of a large file is sent. Without JavaScript the browser's own indicator has to do.
(() => {
  const bar = () => document.getElementById("upload-progress");

  document.addEventListener("htmx:xhr:progress", ({ detail }) => {
    const shown = bar();
    if (!shown || !detail.lengthComputable || detail.total < 1e6) return;
    shown.hidden = false;
    const progress = shown.querySelector("progress");
    progress.max = detail.total;
    progress.value = detail.loaded;
    const megabytes = (bytes) => (bytes / 1048576).toFixed(0);
    shown.querySelector(".meter-label").textContent =
      detail.loaded < detail.total ? `${megabytes(detail.loaded)} / ${megabytes(detail.total)} MB` : "…";
  });
})();
