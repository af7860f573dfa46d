// A browser as host or client of the tunnel: signaling and data channels live in this page. A page cannot have sockets, so each application
// reaches it over a WebSocket of its own (/stream/<number>, opened by the page), which the process that served the page joins to it.
"use strict";

const HIGH_WATER = 1 << 20;
const LOW_WATER = 1 << 18;

const parameters = new URLSearchParams(location.search);
const isHost = parameters.get("mode") === "host";
const ownId = isHost ? parameters.get("id") : crypto.randomUUID();
const control = new WebSocket(`ws://${location.host}/control`);
const signaling = new WebSocket(parameters.get("signal"));
const sessions = new Map();

function say(line) {
  control.send(line);
}

function send(type, targetId, payload) {
  signaling.send(JSON.stringify({type, payload, target_id: targetId, sender_id: ownId}));
}

// Joins a data channel and the WebSocket of an application until either ends; what was accepted before is delivered first.
function join(channel, number) {
  const application = new WebSocket(`ws://${location.host}/stream/${number}`);
  const outbox = [];  // from the application
  const early = [];   // for the application, before its socket is open
  let ended = false;
  channel.binaryType = application.binaryType = "arraybuffer";
  channel.bufferedAmountLowThreshold = LOW_WATER;

  function pump() {
    while (outbox.length && channel.readyState === "open" && channel.bufferedAmount < HIGH_WATER) {
      const message = outbox.shift();
      if (parameters.get("empty-messages")) channel.send(new ArrayBuffer(0));
      channel.send(message);
      if (application.readyState === WebSocket.OPEN) application.send(String(message.byteLength));  // room for as much again
    }
    if (ended && !outbox.length) channel.close();
  }
  channel.onopen = channel.onbufferedamountlow = pump;
  channel.onmessage = (event) => {
    if (application.readyState === WebSocket.OPEN) application.send(event.data);
    else if (application.readyState === WebSocket.CONNECTING) early.push(event.data);
  };
  channel.onclose = () => {
    ended = true;
    if (application.readyState !== WebSocket.CONNECTING) application.close();
  };
  application.onopen = () => {
    early.forEach((message) => application.send(message));
    if (ended) application.close();
  };
  application.onmessage = (event) => {
    outbox.push(event.data);
    pump();
  };
  application.onclose = () => {
    ended = true;
    pump();
  };
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
    join(this.connection.createDataChannel(label, unreliable), number);
  }

  async offer() {
    const offer = await this.connection.createOffer();
    const said = parameters.get("setup");
    const sdp = said ? offer.sdp.replaceAll("a=setup:actpass", `a=setup:${said}`) : offer.sdp;
    send("offer", this.peerId, {sdp: {type: "offer", sdp}});
    await this.connection.setLocalDescription(offer);
  }

  async answer(description) {
    this.connection.ondatachannel = (event) => join(event.channel, "new");
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

// An application that came to the client: the first one brings the connection about.
control.onmessage = (event) => {
  const {number, label} = JSON.parse(event.data);
  const hostId = parameters.get("id");
  const isFirst = !sessions.has(hostId);
  if (isFirst) sessions.set(hostId, new Session(hostId));
  sessions.get(hostId).open(number, label);
  if (isFirst) sessions.get(hostId).offer().catch((error) => say(`error ${error}`));
};

signaling.onmessage = (event) => received(JSON.parse(event.data)).catch((error) => say(`error ${error}`));
signaling.onclose = (event) => say(`signaling closed ${event.code}`);

const opened = (socket) => new Promise((resolve) => socket.addEventListener("open", resolve));
Promise.all([opened(control), opened(signaling)]).then(() => {
  if (isHost) send("register-host", undefined, null);
  say(isHost ? "host registered" : "page ready");
});
