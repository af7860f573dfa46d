// A transfer that the page makes itself (the other end is support/transfer.py): `size` random bytes each way at once, with
// their SHA-256.
"use strict";

const PIECE = 1 << 16;

function lengthOf(bytes) {
  const wire = new DataView(new ArrayBuffer(8));
  wire.setBigUint64(0, BigInt(bytes));
  return new Uint8Array(wire.buffer);
}

async function sha256(bytes) {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
}

function randomBytes(size) {
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; at += PIECE) crypto.getRandomValues(bytes.subarray(at, Math.min(at + PIECE, size)));
  return bytes;
}

async function sendAll(channel, bytes) {
  for (let at = 0; at < bytes.length; at += PIECE) {
    if (channel.bufferedAmount > HIGH_WATER) {
      await new Promise((resolve) => channel.addEventListener("bufferedamountlow", resolve, {once: true}));
    }
    channel.send(bytes.subarray(at, at + PIECE));
  }
}

// Fills `bytes` from the channel; what comes behind them is an error.
function receiveAll(channel, bytes) {
  let received = 0;
  return new Promise((resolve, reject) => {
    channel.onclose = () => reject(new Error(`closed after ${received} bytes`));
    channel.onmessage = (event) => {
      const piece = new Uint8Array(event.data);
      if (received + piece.length > bytes.length) {
        reject(new Error("more bytes than announced"));
        return;
      }
      bytes.set(piece, received);
      received += piece.length;
      if (received === bytes.length) resolve();
    };
  });
}

// The seconds it took; throws where a byte is missing or wrong.
async function exchange(size) {
  const own = randomBytes(size);
  const ownHash = await sha256(own);
  const theirs = new Uint8Array(8 + size + 32);
  const channel = sessionAsClient((session) => session.connection.createDataChannel("tcp-page"));
  channel.binaryType = "arraybuffer";
  channel.bufferedAmountLowThreshold = LOW_WATER;
  const received = receiveAll(channel, theirs);
  await new Promise((resolve) => (channel.onopen = resolve));
  const start = performance.now();
  for (const part of [lengthOf(size), lengthOf(size), lengthOf(size), own, ownHash]) await sendAll(channel, part);
  await received;
  const seconds = (performance.now() - start) / 1000;
  const hash = await sha256(theirs.subarray(8, 8 + size));
  if (hash.some((byte, at) => byte !== theirs[8 + size + at])) throw new Error("the SHA-256 differs");
  channel.close();
  return seconds;
}
