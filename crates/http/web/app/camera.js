// Codes before the camera. The decoder is fetched when a camera is opened, and not before.

import { t } from "./i18n.js";
import { Note, html, useEffect, useRef, useState } from "./ui.js";

/** Milliseconds between two looks at the picture: people move no faster. */
const LOOK = 160;
/** Pixels to the side of what is decoded: enough for a code at arm's length, little enough for a cheap phone. */
const SIDE = 480;

/** @param {{onCode: (text: string) => void}} props */
export function Camera({ onCode }) {
  const [isOpen, setOpen] = useState(false);
  const [trouble, setTrouble] = useState("");
  const video = useRef(/** @type {HTMLVideoElement | null} */ (null));
  const told = useRef(onCode);
  told.current = onCode;
  useEffect(() => {
    const picture = video.current;
    if (!isOpen || !picture) return undefined;
    const stop = new AbortController();
    run(picture, stop.signal, (text) => told.current(text)).catch((error) => {
      setTrouble(t(error?.name === "NotAllowedError" ? "camera.forbidden" : "camera.none"));
      setOpen(false);
    });
    return () => stop.abort();
  }, [isOpen]);
  return html`<div class="camera">
    ${isOpen && html`<video ref=${video} muted playsinline aria-label=${t("camera.picture")}></video>`}
    ${trouble && html`<${Note} kind="warn" role="alert">${trouble}<//>`}
    <button type="button" class="button ${isOpen ? "" : "main"} wide" onClick=${() => { setTrouble(""); setOpen(!isOpen); }}>${t(isOpen ? "camera.close" : "camera.open")}</button>
  </div>`;
}

/** @param {HTMLVideoElement} video @param {AbortSignal} signal @param {(text: string) => void} tell */
async function run(video, signal, tell) {
  if (!navigator.mediaDevices) throw new Error("cameras need a secure context");
  const [{ default: decode }, stream] = await Promise.all([
    import("../vendor/qr.js"),
    navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" }, audio: false }),
  ]);
  const end = () => stream.getTracks().forEach((track) => track.stop());
  if (signal.aborted) return end();
  signal.addEventListener("abort", end);
  video.srcObject = stream;
  await video.play();
  const canvas = document.createElement("canvas");
  const ink = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d", { willReadFrequently: true }));
  const look = () => {
    if (signal.aborted) return;
    const scale = Math.min(1, SIDE / Math.min(video.videoWidth, video.videoHeight));
    canvas.width = Math.round(video.videoWidth * scale);
    canvas.height = Math.round(video.videoHeight * scale);
    if (canvas.width && canvas.height) {
      ink.drawImage(video, 0, 0, canvas.width, canvas.height);
      try {
        tell(decode(ink.getImageData(0, 0, canvas.width, canvas.height)));
      } catch {
        // No code in sight, which is how it is most of the time.
      }
    }
    setTimeout(look, LOOK);
  };
  look();
  return undefined;
}
