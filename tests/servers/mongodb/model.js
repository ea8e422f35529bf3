// Explores every way in which three pods can start, crash, lose disks and reconcile, with the very code that pods run.
//
// usage: node model.js RECONCILE_JS VARIANT [JSON]     prints one JSON document; JSON: further options of the variant
//
// All states that can be reached are visited, until there is no new one: there is no bound on the number of steps. What
// makes that possible:
// * A pass of reconcile() is the tree of its calls and of the answers that it can get. It is found by running the
//   function again and again with the answers so far, and is then made as small as it can be: states of a pass from
//   which the same follows are one. Between any two calls of a pass, anything else may happen.
// * Of a server it is known whether it runs, what its disk holds, and whether it is the primary; and how far the one
//   replSetInitiate has come that can be under way. Of users: none, root, all.
// * A replica set is the first or the second. The search ends with a violation as soon as there is a second one while
//   any disk still holds the first; when the last disk with the first is lost, a new one is the first again.
//
// How servers behave here (see src/mongo/db/repl of MongoDB):
// * replSetInitiate asks one listed member after the other, and fails unless each answers and has neither data nor a
//   configuration. Then it writes the configuration. Meanwhile its server takes no configuration from others. All that
//   is over within the 10 s of a heartbeat, while for a disk to be lost a pod must end, its claim be deleted and a new
//   volume be attached: no disk is lost meanwhile. (The variant "slow" does without this assumption.)
// * A server that has just started, or does not find its own name yet, does not show its set: its hello is that of an
//   empty one, but others' replSetInitiate fails on it. Here, this is what a server that is down may do at any time.
// * Members send their configuration to each listed member that has none, which takes it and is then synced.
// * A majority of the members elects one that has all data of that majority. A member that is not synced votes.
// * A primary can step down at any time. What only it had is lost then.
'use strict';

const fs = require('fs');
const vm = require('vm');

vm.runInThisContext(fs.readFileSync(process.argv[2], 'utf8'));

const HOSTS = ['m-0', 'm-1', 'm-2'];
const CONFIG = {
  set: 'rs0',
  members: HOSTS,
  root: { name: 'root', passwordFile: 'root' },
  users: [{ name: 'st2', database: 'st2', roles: [{ role: 'readWrite', db: 'st2' }], passwordFile: 'st2' }],
};

const empty = () => ({});
const askNobody = (io) => ({ ...io, hello: (host) => (host ? {} : io.hello()) });

// The code and the servers as they are, and others, in which the checker must find the flaw. `sizes`: how many of the
// pods, from the first on, a set can have as members. `from`: how many it has in the beginning, if there is one.
// `pods`: how many there are and should be members, if not all. `lost`: pods of a set that is well which are lost all at
// once, with the disks of `volumes`; then nothing fails any more. `away`: whether they stay away.
const VARIANTS = {
  real: {},
  grows: { sizes: [1, 2], pods: 2, from: 1 },
  slow: { disksAreLostMeanwhile: true },
  noVeto: { noVeto: true },
  asksNobodyAndNoVeto: { change: askNobody, noVeto: true },
  initiatesAlone: {
    sizes: [1, 2, 3],
    change: (io) => ({ ...io, run: (database, command) => io.run(database, withOneMember(command)) }),
  },
  waitsForever: { change: (io) => ({ ...io, hello: (host) => (host ? { setName: 'rs0' } : io.hello()) }) },
  makesNoUsers: { change: (io) => ({ ...io, login: () => { throw new Error('no answer'); } }) },
};

function withOneMember(command) {
  const initiate = command.replSetInitiate;
  return initiate ? { replSetInitiate: { ...initiate, members: initiate.members.slice(0, 1) } } : command;
}

// -- A pass as an automaton ------------------------------------------------------------------------------------------

// The clock stands still; that time passes is an event, which changes what a pod remembers.
const NOW = 0;
// Calls that change something.
const CHANGES = ['initiate', 'createRoot', 'createUser', 'reconfig'];

// All calls, with all answers that the model can give: functions that return them, or throw.
function answersTo(sizes) {
  const refuse = (code) => () => { throw Object.assign(new Error('refused'), { code }); };
  const lost = () => { throw new Error('no answer'); };
  const bySize = (name, answer) => Object.fromEntries(sizes.map((size) => [`${name} ${size}`, () => answer(size)]));
  const set = (size, more) => ({ setName: 'rs0', primary: 'm-9', hosts: HOSTS.slice(0, size), ...more });
  const member = bySize('member', (size) => set(size, { secondary: true }));
  const listed = (size) => HOSTS.slice(0, size).map((host, index) => ({ _id: index, host }));
  return {
    'hello self': { lost, empty, ...member, ...bySize('primary', (size) => set(size, { isWritablePrimary: true })) },
    'hello peer': { lost, empty, ...member },
    login: { lost, wrong: () => null, works: empty },
    initiate: { lost, done: empty, already: refuse(23), vetoed: refuse(74) },
    createRoot: { lost, done: empty, unauthorized: refuse(13), notPrimary: refuse(10107) },
    createUser: { lost, done: empty, exists: refuse(51003), notPrimary: refuse(10107) },
    usersInfo: { lost, none: () => ({ users: [] }), found: () => ({ users: [{ roles: CONFIG.users[0].roles }] }) },
    replSetGetStatus: { lost, done: () => ({ members: [] }) },
    replSetGetConfig: { lost, ...bySize('config', (size) => ({ config: { version: size, members: listed(size) } })) },
    reconfig: { lost, done: empty, notPrimary: refuse(10107) },
  };
}

// Runs a pass with the answers that it got so far. Says which call comes next, or what it remembers in the end.
function replay(variant, calls, ordinal, memory, answers) {
  let next = null;
  let mistake = null;
  let given = 0;

  function call(name, subject) {
    if (next === null && given < answers.length) {
      return calls[name][answers[given++]]();
    }
    // What this run does from here on does not count.
    next = next || { name, subject };
    throw new Error('no answer yet');
  }
  function unexpected(what) {
    mistake = mistake || new Error(what);
    throw mistake;
  }
  function runAsNobody(database, command) {
    if (command.replSetInitiate && ordinal === 0) {
      return call('initiate', command.replSetInitiate.members.length);
    }
    return command.createUser === 'root' ? call('createRoot') : unexpected(JSON.stringify(command));
  }
  function runAsRoot(database, command) {
    const [name] = Object.keys(command);
    if (name !== 'replSetReconfig') {
      return calls[name] ? call(name) : unexpected(name);
    }
    const { version, members } = command.replSetReconfig;
    return version === members.length ? call('reconfig', version) : unexpected('a change of more than one member');
  }
  const io = {
    role() {},
    say() {},
    now: () => NOW,
    read: (path) => path,
    hello: (host) => (host ? call('hello peer', HOSTS.indexOf(host)) : call('hello self')),
    run: runAsNobody,
    // Users other than root are made with their passwords, and these do not change here.
    login: (name) => (name !== 'root' || call('login') ? { run: runAsRoot, close() {} } : null),
  };
  const remembered = JSON.parse(memory);
  const config = { ...CONFIG, members: HOSTS.slice(0, variant.pods) };
  reconcile(variant.change ? variant.change(io) : io, config, ordinal, remembered);
  if (mistake !== null) {
    throw mistake;
  }
  return next ? { next } : { end: JSON.stringify(remembered) };
}

// All states of the passes of a pod: each has a call and, for each answer, the state that follows. One in which a pass
// begins may also have the state that it becomes when ten minutes have passed.
function automaton(variant, calls, ordinal) {
  // Most answers are errors, and nobody asks where they come from, which takes most of the time to note.
  Error.stackTraceLimit = 0;
  const states = [];
  const begins = new Map();
  const unexplored = [];

  function begin(memory) {
    if (!begins.has(memory)) {
      begins.set(memory, states.push({}) - 1);
      unexplored.push(memory);
    }
    return begins.get(memory);
  }
  function explore(memory, answers, place) {
    const { next, end } = replay(variant, calls, ordinal, memory, answers);
    if (end !== undefined) {
      return begin(end);
    }
    const state = place === undefined ? states.push({}) - 1 : place;
    const then = {};
    for (const answer of Object.keys(calls[next.name])) {
      then[answer] = explore(memory, [...answers, answer]);
    }
    Object.assign(states[state], next, { then });
    return state;
  }

  const start = begin(JSON.stringify({ users: null }));
  while (unexplored.length > 0) {
    const memory = unexplored.pop();
    explore(memory, [], begins.get(memory));
    const older = JSON.parse(memory);
    if (older.users !== null && older.users.at === NOW) {
      older.users.at -= USERS_EVERY;
      states[begins.get(memory)].later = begin(JSON.stringify(older));
    }
  }
  return merged(states, start);
}

// The same automaton with as few states as possible, the first of which is the start.
function merged(states, start) {
  let blocks = states.map((state) => `${state.name} ${state.subject}`);
  for (let count = 0, before = -1; count !== before; ) {
    const numbers = new Map();
    const keys = states.map((state, index) => {
      const targets = Object.values(state.then).map((target) => blocks[target]);
      return JSON.stringify([blocks[index], targets, blocks[state.later]]);
    });
    keys.forEach((key) => numbers.set(key, numbers.get(key) || numbers.size + 1));
    blocks = keys.map((key) => numbers.get(key));
    [before, count] = [count, numbers.size];
  }
  // A call that changes nothing is as good as not made, if all its answers lead to the same, and losing the answer leads
  // to what losing the answer to the next call leads to.
  function skip(index) {
    const { name, then } = states[index];
    const { lost, ...answers } = then;
    const [next, ...others] = [...new Set(Object.values(answers).map((target) => blocks[target]))];
    const after = blocks.indexOf(next);
    const isIdle = !CHANGES.includes(name) && others.length === 0 && blocks[states[after].then.lost] === blocks[lost];
    return isIdle && next !== blocks[index] ? skip(after) : index;
  }
  const kept = [];
  const places = new Map();
  function keep(from) {
    const index = skip(from);
    if (!places.has(blocks[index])) {
      const { name, subject, then, later } = states[index];
      const state = { name, subject, label: subject === undefined ? name : `${name} ${subject}` };
      places.set(blocks[index], kept.push(state) - 1);
      state.then = Object.fromEntries(Object.entries(then).map(([answer, next]) => [answer, keep(next)]));
      state.later = later === undefined ? undefined : keep(later);
    }
    return places.get(blocks[index]);
  }
  keep(start);
  return kept;
}

// -- The world -------------------------------------------------------------------------------------------------------

const PODS = [0, 1, 2];
const NOBODY = 3;

// What a disk holds: nothing; or the configuration of a set of so many members, with no data yet, or with data and so
// many users.
const NOTHING = 0;
const UNSYNCED = 0;
const ALL_USERS = 2;
const DISKS = 1 + 3 * 4;
const disk = (size, data) => 1 + (size - 1) * 4 + data;
const withUsers = (size, users) => disk(size, 1 + users);
const sizeOn = (content) => (content === NOTHING ? 0 : 1 + ((content - 1) >> 2));
const dataOn = (content) => (content === NOTHING ? UNSYNCED : (content - 1) & 3);
const usersOn = (content) => Math.max(0, dataOn(content) - 1);

// How far replSetInitiate is: not under way; or for how many members, how many of them agree, and whether pod 0 waits.
const IDLE = 0;
const INITIATES = 1 + 3 * 3 * 2;
const initiating = (size, agreed, awaited) => 1 + (size - 1) + 3 * (agreed - 1) + 9 * awaited;
const listed = (code) => 1 + ((code - 1) % 3);
const agreed = (code) => 1 + (Math.floor((code - 1) / 3) % 3);
const isAwaited = (code) => code !== IDLE && code > 9;

// Numbers codes in the order of their appearance: a hash table that is faster than a Map.
class Numbers {
  constructor() {
    this.count = 0;
    // Pairs of a code and its number; numbers here begin with 1.
    this.table = new Float64Array(1 << 23);
  }

  of(code) {
    const { table } = this;
    let place = (Math.imul(code ^ (code / 0x100000000), 0x9e3779b1) >>> 10) * 2;
    while (table[place + 1] !== 0 && table[place] !== code) {
      place = (place + 2) % table.length;
    }
    if (table[place + 1] === 0) {
      table[place] = code;
      table[place + 1] = ++this.count;
      if (this.count > table.length * 0.4) {
        throw new Error('too many states');
      }
    }
    return table[place + 1] - 1;
  }
}

function explore(variant) {
  const calls = answersTo(variant.sizes || [3]);
  const pods = PODS.slice(0, variant.pods);
  const programs = PODS.map((ordinal) => automaton(variant, calls, ordinal));

  // The state at which we look: per pod, whether its server is up, its disk, and where its pass is.
  const up = [0, 0, 0];
  const disks = [0, 0, 0];
  const at = [0, 0, 0];
  let primary = NOBODY;
  let initiate = IDLE;

  function pack() {
    let code = initiate * 4 + primary;
    for (let pod = 0; pod < 3; pod++) {
      code = ((code * 2 + up[pod]) * DISKS + disks[pod]) * programs[pod].length + at[pod];
    }
    return code;
  }
  function unpack(code) {
    for (let pod = 2; pod >= 0; pod--) {
      const count = programs[pod].length;
      at[pod] = code % count;
      code = (code - at[pod]) / count;
      disks[pod] = code % DISKS;
      code = (code - disks[pod]) / DISKS;
      up[pod] = code % 2;
      code = (code - up[pod]) / 2;
    }
    primary = code % 4;
    initiate = (code - primary) / 4;
  }

  // All states that were reached, in this order, and how; and the steps between them that are no faults.
  const numbers = new Numbers();
  const codes = [];
  const parents = [];
  const causes = [];
  const from = [];
  const to = [];
  let current = 0;
  let violation = null;

  function reach(pod, what) {
    const code = pack();
    const number = numbers.of(code);
    if (number === codes.length) {
      codes.push(code);
      parents.push(current);
      causes.push(pod, what);
    }
    return number;
  }
  // Something that happens sooner or later, if it can.
  function happens(pod, what, change) {
    change();
    const next = reach(pod, what);
    if (next !== current) {
      from.push(current);
      to.push(next);
    }
    unpack(codes[current]);
  }
  // Something that may happen or not.
  function fault(pod, what, change) {
    if (variant.lost) {
      return;
    }
    change();
    reach(pod, what);
    unpack(codes[current]);
  }

  const isMember = (pod) => up[pod] === 1 && disks[pod] !== NOTHING;
  const isSynced = (pod) => up[pod] === 1 && dataOn(disks[pod]) !== UNSYNCED;

  function server(pod) {
    if (variant.away && variant.lost.includes(pod)) {
      return;
    }
    if (!up[pod]) {
      happens(pod, 'starts', () => { up[pod] = 1; });
      if (disks[pod] !== NOTHING && (initiate === IDLE || variant.disksAreLostMeanwhile)) {
        fault(pod, 'loses its disk', () => { disks[pod] = NOTHING; });
      }
      return;
    }
    fault(pod, 'crashes', () => {
      up[pod] = 0;
      primary = primary === pod ? NOBODY : primary;
      if (pod === 0) {
        endInitiate('lost');
      }
    });
    for (const other of PODS) {
      if (other !== pod && isMember(other) && pod < sizeOn(disks[other])) {
        hears(pod, other);
      }
    }
    if (primary === pod) {
      fault(pod, 'steps down', () => { primary = NOBODY; });
    } else if (primary === NOBODY && isSynced(pod) && hasVotes(pod)) {
      happens(pod, 'is elected', () => { primary = pod; });
    }
  }

  function hears(pod, other) {
    const size = sizeOn(disks[other]);
    if (disks[pod] === NOTHING) {
      if (pod !== 0 || initiate === IDLE) {
        happens(pod, 'is taken in', () => { disks[pod] = disk(size, UNSYNCED); });
      }
      return;
    }
    const known = sizeOn(disks[pod]);
    if (known < size) {
      happens(pod, 'hears of more members', () => { disks[pod] = disk(size, dataOn(disks[pod])); });
    }
    if (isSynced(pod) ? primary === other : isSynced(other)) {
      happens(pod, 'is synced', () => { disks[pod] = disk(known, dataOn(disks[other])); });
    }
  }

  function hasVotes(candidate) {
    const size = sizeOn(disks[candidate]);
    let votes = 0;
    for (let voter = 0; voter < size; voter++) {
      if (isMember(voter) && dataOn(disks[voter]) <= dataOn(disks[candidate])) {
        votes++;
      }
    }
    return votes > size / 2;
  }

  // The next step of the replSetInitiate that is under way.
  function goOnInitiating() {
    const size = listed(initiate);
    const peer = agreed(initiate);
    if (peer === size) {
      happens(0, 'writes the configuration', () => {
        const holder = disks.findIndex((content) => content !== NOTHING);
        if (holder >= 0) {
          violation = `server 0 writes the second set, while the disk of server ${holder} holds the first`;
        }
        disks[0] = withUsers(size, 0);
        endInitiate('done');
      });
    } else if ((up[peer] && disks[peer] === NOTHING) || variant.noVeto) {
      happens(peer, 'agrees', () => { initiate = initiating(size, peer + 1, isAwaited(initiate)); });
    } else {
      happens(peer, 'does not agree', () => endInitiate('vetoed'));
    }
    if (isAwaited(initiate)) {
      fault(0, 'is not waited for', () => {
        at[0] = programs[0][at[0]].then.lost;
        initiate = initiating(size, peer, false);
      });
    }
  }
  function endInitiate(answer) {
    if (isAwaited(initiate)) {
      at[0] = programs[0][at[0]].then[answer];
    }
    initiate = IDLE;
  }

  // The next step of a pass.
  function reconciles(pod) {
    const state = programs[pod][at[pod]];
    if (at[pod] !== 0) {
      fault(pod, 'reconcile restarts', () => {
        at[pod] = 0;
        if (pod === 0 && isAwaited(initiate)) {
          initiate = initiating(listed(initiate), agreed(initiate), false);
        }
      });
    }
    if (state.later !== undefined) {
      happens(pod, 'ten minutes pass', () => { at[pod] = state.later; });
    }
    if (pod === 0 && isAwaited(initiate)) {
      return;
    }
    if (state.name === 'initiate' && up[0] && initiate === IDLE && disks[0] === NOTHING) {
      happens(0, state.label, () => { initiate = initiating(state.subject, 1, true); });
      return;
    }
    const target = state.name === 'hello peer' ? state.subject : pod;
    const answer = up[target] ? answerOf(pod, state) : 'lost';
    const effect = () => effectOf(pod, state, answer);
    happens(pod, state.label, () => { at[pod] = state.then[answer]; effect(); });
    // Either the question or the answer can get lost.
    if (answer !== 'lost') {
      fault(pod, state.label, () => { at[pod] = state.then.lost; });
    }
    if (answer === 'done') {
      fault(pod, state.label, () => { at[pod] = state.then.lost; effect(); });
    }
    // The server has just started, and does not show its set.
    if (!up[target] && state.then.empty !== undefined) {
      fault(pod, state.label, () => { at[pod] = state.then.empty; });
    }
  }

  function answerOf(pod, { name, subject }) {
    const content = disks[pod];
    const size = sizeOn(content);
    switch (name) {
      case 'hello self':
        return size === 0 ? 'empty' : `${primary === pod ? 'primary' : 'member'} ${size}`;
      case 'hello peer':
        return disks[subject] === NOTHING ? 'empty' : `member ${sizeOn(disks[subject])}`;
      case 'login':
        return usersOn(content) > 0 ? 'works' : 'wrong';
      case 'initiate':
        return 'already';
      case 'usersInfo':
        return usersOn(content) === ALL_USERS ? 'found' : 'none';
      case 'replSetGetStatus':
        return 'done';
      case 'replSetGetConfig':
        return size === 0 ? 'lost' : `config ${size}`;
      case 'createRoot':
        return usersOn(content) > 0 ? 'unauthorized' : primary === pod ? 'done' : 'notPrimary';
      case 'createUser':
        return primary !== pod ? 'notPrimary' : usersOn(content) === ALL_USERS ? 'exists' : 'done';
      case 'reconfig':
        return primary === pod ? 'done' : 'notPrimary';
    }
    throw new Error(name);
  }
  function effectOf(pod, { name, subject }, answer) {
    if (answer !== 'done') {
      return;
    }
    const size = sizeOn(disks[pod]);
    if (name === 'createRoot') {
      disks[pod] = withUsers(size, 1);
    } else if (name === 'createUser') {
      disks[pod] = withUsers(size, ALL_USERS);
    } else if (name === 'reconfig') {
      disks[pod] = disk(subject, dataOn(disks[pod]));
    }
  }

  function isGoal() {
    if (variant.away) {
      return primary !== NOBODY;
    }
    return primary !== NOBODY && pods.every((pod) => up[pod] && disks[pod] === withUsers(pods.length, ALL_USERS));
  }
  // There is a set, and nothing that it had but its configuration is left.
  function isBeyondHelp() {
    return disks.some((content) => content !== NOTHING) && disks.every((content) => dataOn(content) === UNSYNCED);
  }

  if (variant.from) {
    disks[0] = withUsers(variant.from, ALL_USERS);
  }
  // Of a set that loses members: without a majority its primary steps down, and else there is an election at the worst.
  if (variant.lost) {
    for (const pod of PODS) {
      up[pod] = variant.lost.includes(pod) ? 0 : 1;
      disks[pod] = variant.volumes.includes(pod) ? NOTHING : withUsers(3, ALL_USERS);
    }
  }
  reach(0, 'the beginning');
  const goals = [];
  const beyondHelp = [];
  for (; current < codes.length && violation === null; current++) {
    unpack(codes[current]);
    if (isGoal()) {
      goals.push(current);
    } else if (isBeyondHelp()) {
      beyondHelp.push(current);
    }
    for (const pod of pods) {
      server(pod);
      reconciles(pod);
    }
    if (initiate !== IDLE) {
      goOnInitiating();
    }
  }

  function story(number) {
    const events = [];
    for (let step = number; step !== 0; step = parents[step]) {
      events.unshift(`pod ${causes[2 * step]}: ${causes[2 * step + 1]}`);
    }
    return events;
  }
  if (violation !== null) {
    return { states: codes.length, violation: [...story(current - 1), violation] };
  }
  const recovers = reachesAny(goals, from, to, codes.length);
  beyondHelp.forEach((number) => { recovers[number] = 1; });
  const stuck = recovers.indexOf(0);
  return {
    calls: programs.map((program) => program.length),
    states: codes.length,
    goals: goals.length,
    beyondHelp: beyondHelp.length,
    stuck: stuck < 0 ? null : story(stuck),
  };
}

// From which states one of the goals can be reached.
function reachesAny(goals, from, to, count) {
  const begins = new Int32Array(count + 1);
  to.forEach((target) => { begins[target + 1]++; });
  for (let state = 0; state < count; state++) {
    begins[state + 1] += begins[state];
  }
  const ends = begins.slice();
  const sources = new Int32Array(to.length);
  to.forEach((target, edge) => { sources[ends[target]++] = from[edge]; });
  const reaches = new Uint8Array(count);
  const queue = [...goals];
  queue.forEach((goal) => { reaches[goal] = 1; });
  while (queue.length > 0) {
    const state = queue.pop();
    for (const source of sources.subarray(begins[state], begins[state + 1])) {
      if (!reaches[source]) {
        reaches[source] = 1;
        queue.push(source);
      }
    }
  }
  return reaches;
}

console.log(JSON.stringify(explore({ ...VARIANTS[process.argv[3]], ...JSON.parse(process.argv[4] || '{}') })));
