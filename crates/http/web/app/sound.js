// The sign that it is one's turn: two soft tones, made here so that nothing has to be fetched, and the title of the tab.

/** @type {AudioContext | null} */
let audio = null;

/** Browsers let pages sound only after a touch: the first one makes it ready. */
export function readySound() {
  const ready = () => {
    try {
      audio ??= new AudioContext();
      void audio.resume();
    } catch {
      // No sound on this device.
    }
  };
  addEventListener("pointerdown", ready, { once: true });
  addEventListener("keydown", ready, { once: true });
}

/** Plays the sign. True when it could be heard. */
export function chime() {
  if (!audio || audio.state !== "running") return false;
  for (const [at, pitch] of [[0, 660], [0.22, 880]]) {
    const tone = audio.createOscillator();
    const volume = audio.createGain();
    const begin = audio.currentTime + at;
    tone.frequency.value = pitch;
    volume.gain.setValueAtTime(0, begin);
    volume.gain.linearRampToValueAtTime(0.25, begin + 0.03);
    volume.gain.exponentialRampToValueAtTime(0.001, begin + 0.5);
    tone.connect(volume).connect(audio.destination);
    tone.start(begin);
    tone.stop(begin + 0.55);
  }
  return true;
}

/** Lets the title of the tab call, until it is looked at. @param {string} text */
export function callByTitle(text) {
  const usual = document.title;
  let isCalling = true;
  document.title = text;
  const timer = setInterval(() => {
    isCalling = !isCalling;
    document.title = isCalling ? text : usual;
  }, 1_000);
  const done = () => {
    if (document.visibilityState !== "visible") return;
    clearInterval(timer);
    document.title = text;
    document.removeEventListener("visibilitychange", done);
  };
  document.addEventListener("visibilitychange", done);
  done();
}
