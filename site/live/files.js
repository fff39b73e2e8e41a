/** Photos from the student's own files: checked before they are unpacked, then decoded upright. */

const MOST_MEGAPIXELS = 64;
const LEAST_SIDE = 8;
const MOST_ASPECT = 100;
const LARGE = 4_000_000; // pixels: larger photos are scaled down while they are decoded
const KEPT_SIDE = 1024; // of the shorter side of a large photo

/** An error whose message is meant for the student. */
export class Told extends Error {}

/**
 * @param {Blob} blob
 * @param {string} name of the file, for sentences
 * @returns {Promise<import("./resize.js").Rgba>}
 */
export async function readPhoto(blob, name) {
  if (!blob.size) throw new Told(`${name} is empty (0 bytes): copy the photo again.`);
  const head = new Uint8Array(await blob.slice(0, 512 * 1024).arrayBuffer());
  const kind = kindOf(head);
  if (!kind) {
    throw new Told(`${name} is not a photo that can be read: give a JPEG, PNG, WebP or GIF file.`);
  }
  const size = sizeOf(kind, head);
  if (size) checkSize(size, name);
  return decode(blob, name, size);
}

function checkSize({ width, height }, name) {
  const megapixels = (width * height) / 1e6;
  if (megapixels > MOST_MEGAPIXELS) {
    throw new Told(
      `${name} has ${Math.round(megapixels)} megapixels; this page unpacks at most ` +
        `${MOST_MEGAPIXELS}: scale the photo down first.`,
    );
  }
  if (Math.min(width, height) < LEAST_SIDE) {
    throw new Told(
      `${name} is only ${width}×${height} pixels: use a photo of at least ` +
        `${LEAST_SIDE}×${LEAST_SIDE}.`,
    );
  }
  if (Math.max(width, height) > MOST_ASPECT * Math.min(width, height)) {
    throw new Told(
      `${name} is a strip of ${width}×${height} pixels, which resizing would blow up: ` +
        "crop it first.",
    );
  }
}

async function decode(blob, name, size) {
  let options = { imageOrientation: "from-image", colorSpaceConversion: "none" };
  if (size && size.width * size.height > LARGE) {
    // The file's sides may be those before an EXIF turn: the shorter one is the same either way.
    const scale = KEPT_SIDE / Math.min(size.width, size.height);
    if (scale < 1) {
      const probe = await upright(blob, name, options);
      const width = Math.round(probe.width * scale);
      probe.close();
      options = { ...options, resizeWidth: width, resizeQuality: "high" };
    }
  }
  const bitmap = await upright(blob, name, options);
  checkSize(bitmap, name);
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.fillStyle = "white"; // transparency is laid on white, as the course does it
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  const { width, height, data } = context.getImageData(0, 0, canvas.width, canvas.height);
  return { width, height, data };
}

async function upright(blob, name, options) {
  try {
    return await createImageBitmap(blob, options);
  } catch {
    throw new Told(`${name} is damaged or of a kind this browser can't read: copy it again.`);
  }
}

/** @returns {"jpeg" | "png" | "webp" | "gif" | "avif" | "bmp" | null} by the first bytes */
export function kindOf(bytes) {
  const text = (from, to) => String.fromCharCode(...bytes.subarray(from, to));
  if (bytes[0] === 0xff && bytes[1] === 0xd8) return "jpeg";
  if (text(1, 4) === "PNG") return "png";
  if (text(0, 4) === "RIFF" && text(8, 12) === "WEBP") return "webp";
  if (text(0, 4) === "GIF8") return "gif";
  if (text(4, 8) === "ftyp" && text(8, 12).startsWith("avi")) return "avif";
  return text(0, 2) === "BM" ? "bmp" : null;
}

/** The sides that a file's header gives, or null where they aren't found. */
export function sizeOf(kind, bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    if (kind === "png") return { width: view.getUint32(16), height: view.getUint32(20) };
    if (kind === "gif") return { width: view.getUint16(6, true), height: view.getUint16(8, true) };
    if (kind === "bmp") {
      return { width: view.getInt32(18, true), height: Math.abs(view.getInt32(22, true)) };
    }
    if (kind === "webp") return webpSize(view);
    return kind === "jpeg" ? jpegSize(view) : null;
  } catch (error) {
    if (error instanceof RangeError) return null; // the header goes on behind what was read
    throw error;
  }
}

function webpSize(view) {
  const form = view.getUint8(15); // the fourth letter of "VP8 ", "VP8L" or "VP8X"
  if (form === 0x58) {
    const three = (at) => view.getUint16(at, true) + (view.getUint8(at + 2) << 16);
    return { width: three(24) + 1, height: three(27) + 1 };
  }
  if (form === 0x4c) {
    const bits = view.getUint32(21, true);
    return { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 };
  }
  return { width: view.getUint16(26, true) & 0x3fff, height: view.getUint16(28, true) & 0x3fff };
}

function jpegSize(view) {
  for (let at = 2; ;) {
    const marker = view.getUint16(at);
    const isFrame =
      marker >= 0xffc0 && marker <= 0xffcf && ![0xffc4, 0xffc8, 0xffcc].includes(marker);
    if (isFrame) return { width: view.getUint16(at + 7), height: view.getUint16(at + 5) };
    at += 2 + view.getUint16(at + 2);
  }
}
