/** The student's camera, in a dialog: frames become photos, and nothing is sent anywhere. */

import { Told } from "./engine.js";

/** Start the camera in a <video>; the caller stops it. */
export async function startCamera(video) {
  if (!navigator.mediaDevices?.getUserMedia) {
    throw new Told("This browser gives pages no camera here: choose a file instead.");
  }
  try {
    video.srcObject = await navigator.mediaDevices.getUserMedia({ video: { width: 640 } });
  } catch (error) {
    throw new Told(`The camera can't be used (${error.name}): allow it, or choose a file instead.`);
  }
  await video.play();
}

export function stopCamera(video) {
  for (const track of video.srcObject?.getTracks() ?? []) track.stop();
  video.srcObject = null;
}

/** One frame as a PNG. */
export async function frameOf(video) {
  const canvas = new OffscreenCanvas(video.videoWidth, video.videoHeight);
  canvas.getContext("2d").drawImage(video, 0, 0);
  return canvas.convertToBlob({ type: "image/png" });
}

/** Ask for one photo in a dialog; null if it was closed. */
export async function openCamera(dialog) {
  const video = dialog.querySelector("video");
  dialog.showModal();
  try {
    await startCamera(video);
    return await new Promise((resolve, reject) => {
      dialog.querySelector("[data-part=take]").onclick = () => frameOf(video).then(resolve, reject);
      dialog.onclose = () => resolve(null);
    });
  } finally {
    dialog.onclose = null;
    stopCamera(video);
    dialog.close();
  }
}
