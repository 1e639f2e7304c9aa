// Moves the line between two pictures; a range input, so that keys, touch and assistive
// technology work as usual.
for (const slider of document.querySelectorAll(".slider")) {
  const line = slider.querySelector("input");
  const follow = () => slider.style.setProperty("--at", line.value + "%");
  line.addEventListener("input", follow);
  follow();
}
