/** Photos of documents are made smaller before they are sent: less to pay for on the road; the server redraws them anyway. */

const ENOUGH_BYTES = 400_000;
const QUALITY = 0.8;

/** @param {number} width @param {number} height @param {number} longest */
export function fitting(width, height, longest) {
  const share = Math.min(1, longest / Math.max(width, height, 1));
  return { width: Math.max(1, Math.round(width * share)), height: Math.max(1, Math.round(height * share)) };
}

/** @param {File} file @param {number} longest @returns {Promise<File | null>} */
async function smaller(file, longest) {
  const bitmap = await createImageBitmap(file);
  const size = fitting(bitmap.width, bitmap.height, longest);
  const canvas = Object.assign(document.createElement("canvas"), size);
  canvas.getContext("2d")?.drawImage(bitmap, 0, 0, size.width, size.height);
  bitmap.close();
  /** @type {Blob | null} */
  const blob = await new Promise((done) => canvas.toBlob(done, "image/jpeg", QUALITY));
  return blob && blob.size < file.size ? new File([blob], "photo.jpg", { type: "image/jpeg" }) : null;
}

/** Replace a chosen photo by a smaller one; whatever does not work leaves it as it is. */
export function shrinkPhotos() {
  document.addEventListener("change", (event) => {
    const input = event.target;
    if (!(input instanceof HTMLInputElement) || !input.dataset.shrink) return;
    const file = input.files?.[0];
    if (!file || file.size <= ENOUGH_BYTES || typeof createImageBitmap === "undefined") return;
    void smaller(file, Number(input.dataset.shrink))
      .then((made) => {
        if (!made || input.files?.[0] !== file) return;
        const carrier = new DataTransfer();
        carrier.items.add(made);
        input.files = carrier.files;
      })
      .catch(() => {});
  });
}
