"use strict";
document.documentElement.classList.add("js");
function split(aligned, percent) {
  aligned.querySelector(".stage").style.setProperty("--x", percent + "%");
}
document.addEventListener("input", function (event) {
  if (event.target.classList.contains("slide")) split(event.target.closest(".aligned"), event.target.value);
});
document.addEventListener("pointermove", function (event) {
  const stage = event.target.closest && event.target.closest(".stage");
  if (!stage || (event.pointerType === "touch" && !event.isPrimary)) return;
  const box = stage.getBoundingClientRect();
  const percent = Math.min(100, Math.max(0, Math.round((event.clientX - box.left) / box.width * 100)));
  const aligned = stage.closest(".aligned");
  aligned.querySelector(".slide").value = percent;
  split(aligned, percent);
});
