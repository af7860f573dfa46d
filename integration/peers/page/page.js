// A browser as host or client of the tunnel: signaling and data channels live in this page. A page cannot have sockets, so all
// applications reach it over one WebSocket to the process that served the page. There a binary message is 4 bytes, the number
// of the application, and its bytes; a text message is JSON: {open, label} or {end} of an application (both ways), {taken,
// bytes} (from the page: room for as much again), {line} (for the log).
"use strict";

const HIGH_WATER = 1 << 20;
const LOW_WATER = 1 << 18;

const parameters = new URLSearchParams(location.search);
const isHost = parameters.get("mode") === "host";
const ownId = isHost ? parameters.get("id") : crypto.randomUUID();
const bridge = new WebSocket(`ws://${location.host}/bridge`);
const signaling = new WebSocket(parameters.get("signal"));
const sessions = new Map();
const applications = new Map();
let nextNumber = 0;

function tell(message) {
  bridge.send(JSON.stringify(message));
}

function say(line) {
  tell({line});
}

function send(type, targetId, payload) {
  signaling.send(JSON.stringify({type, payload, target_id: targetId, sender_id: ownId}));
}

// Joins a data channel and an application until either ends; what was accepted before is delivered first.
class Application {
  constructor(channel, number) {
    this.channel = channel;
    this.number = number;
    this.outbox = [];
    this.ended = false;
    applications.set(number, this);
    channel.binaryType = "arraybuffer";
    channel.bufferedAmountLowThreshold = LOW_WATER;
    channel.onopen = channel.onbufferedamountlow = () => this.pump();
    channel.onmessage = (event) => bridge.send(new Blob([new Uint32Array([number]), event.data]));
    channel.onclose = () => {
      applications.delete(number);
      tell({end: number});
    };
  }

  arrived(bytes) {
    this.outbox.push(bytes);
    this.pump();
  }

  end() {
    this.ended = true;
    this.pump();
  }

  pump() {
    while (this.outbox.length && this.channel.readyState === "open" && this.channel.bufferedAmount < HIGH_WATER) {
      const bytes = this.outbox.shift();
      if (parameters.get("empty-messages")) this.channel.send(new ArrayBuffer(0));
      this.channel.send(bytes);
      tell({taken: this.number, bytes: bytes.byteLength});
    }
    if (this.ended && !this.outbox.length) this.channel.close();
  }
}

// A peer connection that keeps candidates until its remote description is there.
class Session {
  constructor(peerId) {
    this.peerId = peerId;
    this.early = [];
    this.connection = new RTCPeerConnection();
    this.connection.onconnectionstatechange = () => say(`state ${this.connection.connectionState}`);
    this.connection.onicecandidate = (event) => {
      if (event.candidate) send("candidate", peerId, {candidate: event.candidate.toJSON()});
    };
  }

  open(number, label) {
    const unreliable = parameters.get("protocol") === "udp" ? {ordered: false, maxRetransmits: 0} : {};
    new Application(this.connection.createDataChannel(label, unreliable), number);
  }

  async offer() {
    const offer = await this.connection.createOffer();
    const said = parameters.get("setup");
    const sdp = said ? offer.sdp.replaceAll("a=setup:actpass", `a=setup:${said}`) : offer.sdp;
    send("offer", this.peerId, {sdp: {type: "offer", sdp}});
    await this.connection.setLocalDescription(offer);
  }

  async answer(description) {
    this.connection.ondatachannel = (event) => {
      const application = new Application(event.channel, nextNumber++);
      tell({open: application.number, label: event.channel.label});
    };
    await this.setRemote(description);
    const answer = await this.connection.createAnswer();
    if (parameters.get("setup") === "passive") answer.sdp = answer.sdp.replaceAll("a=setup:active", "a=setup:passive");
    await this.connection.setLocalDescription(answer);
    send("answer", this.peerId, {sdp: {type: "answer", sdp: answer.sdp}});
  }

  async setRemote(description) {
    await this.connection.setRemoteDescription(description);
    for (const candidate of this.early.splice(0)) await this.connection.addIceCandidate(candidate);
  }

  async addCandidate(candidate) {
    if (this.connection.remoteDescription) await this.connection.addIceCandidate(candidate);
    else this.early.push(candidate);
  }
}

async function received(message) {
  const session = sessions.get(message.sender_id);
  if (message.type === "offer" && isHost) {
    sessions.set(message.sender_id, new Session(message.sender_id));
    await sessions.get(message.sender_id).answer(message.payload.sdp);
  } else if (message.type === "answer" && session) {
    await session.setRemote(message.payload.sdp);
  } else if (message.type === "candidate" && session) {
    await session.addCandidate(message.payload.candidate);
  } else {
    say(`${message.type} ${JSON.stringify(message.payload)}`);
  }
}

// What `open` makes of the one session of a client; the first time brings the connection about.
function sessionAsClient(open) {
  const hostId = parameters.get("id");
  const isFirst = !sessions.has(hostId);
  if (isFirst) sessions.set(hostId, new Session(hostId));
  const made = open(sessions.get(hostId));
  if (isFirst) sessions.get(hostId).offer().catch((error) => say(`error ${error}`));
  return made;
}

bridge.binaryType = "arraybuffer";
bridge.onmessage = (event) => {
  if (typeof event.data !== "string") {
    applications.get(new DataView(event.data).getUint32(0, true))?.arrived(event.data.slice(4));
    return;
  }
  const message = JSON.parse(event.data);
  if ("open" in message) sessionAsClient((session) => session.open(message.open, message.label));
  else applications.get(message.end)?.end();
};

signaling.onmessage = (event) => received(JSON.parse(event.data)).catch((error) => say(`error ${error}`));
signaling.onclose = (event) => say(`signaling closed ${event.code}`);

const opened = (socket) => new Promise((resolve) => socket.addEventListener("open", resolve));
Promise.all([opened(bridge), opened(signaling)]).then(() => {
  if (isHost) send("register-host", undefined, null);
  say(isHost ? "host registered" : "page ready");
});
