// What one pass over a member of the replica set does. It only decides: all calls go through `io`, see loop.js.
//
// This runs in mongosh and, with MongoDB 4.4, in the old mongo shell, which knows no JavaScript newer than ES2017.
// In mongosh every call of io waits for its answer, though nothing says so. It can do that in loops, but not in a
// callback of map, filter or the like; and where `try { return call(); }` stands, a failure of the call is not caught.
//
// What keeps two replica sets from forming: only one member ever initiates, it names all members, and MongoDB refuses
// to initiate unless each of them answers and has neither data nor a set. Nothing is removed or repaired here.

var CODES = {
  UNAUTHORIZED: 13,
  ALREADY_INITIALIZED: 23,
  // The server is no longer the primary, or about to stop.
  STEPPED_DOWN: [91, 189, 10107, 11600, 11602, 13435, 13436],
};
// The states of a member that has not been synced yet, in replSetGetStatus.
var UNSYNCED = [0, 5];
var MAJORITY = { w: 'majority', wtimeout: 10000 };
// maxWireVersion of MongoDB 7.0, since which a change of featureCompatibilityVersion has to be confirmed.
var CONFIRMS = 21;
// Every login is three lines in the log of mongod, so users and formats are looked at seldom.
var USERS_EVERY = 10 * 60 * 1000;
var RETRY_EVERY = 60 * 1000;

// One pass. `config` is what the set should be, `ordinal` the number of this pod, and `memory` what is remembered
// until the next pass: at first { users: null, formats: null }. The answer is the role of the member.
function reconcile(io, config, ordinal, memory) {
  let self;
  try {
    self = io.hello();
  } catch (error) {
    memory.users = null;
    io.role('unreachable');
    io.say(`waits for mongod: ${error.message}`);
    return 'unreachable';
  }
  const role = roleOf(self);
  io.role(isAstray(io, config, self) ? 'astray' : role);
  io.say(`is ${role}`);
  if (role !== 'primary') {
    memory.users = null;
  }
  if (!self.setName) {
    initiate(io, config, ordinal);
  } else if (self.setName !== config.set) {
    io.say(`belongs to the replica set ${self.setName}, but should to ${config.set}: left alone`);
  } else if (role === 'primary') {
    try {
      lead(io, config, self, memory);
    } catch (error) {
      io.say(
        CODES.STEPPED_DOWN.includes(error.code)
          ? `is not the primary any more: ${error.message}`
          : `failed and tries again: ${error.message}`
      );
    }
  } else if (!self.primary) {
    io.say('waits for a primary, which needs a majority of the members of the set');
    reportStrangers(io, config, self);
  }
  return role;
}

function roleOf(hello) {
  if (hello.isWritablePrimary || hello.ismaster) {
    return 'primary';
  }
  if (hello.secondary) {
    // Without a primary: it has lost the others, or is left of all. Clients can neither write there nor be sent on.
    return hello.primary ? 'secondary' : 'leaderless';
  }
  if (hello.arbiterOnly) {
    return 'arbiter';
  }
  return hello.setName ? 'recovering' : 'uninitialized';
}

// Whether this member is in a set that must not serve, because another one should: there are two that work, and clients
// that are led to both would find different data. The one with more of the members serves, or with the first of them.
// A set that only lacks members is no such case, so that one set is always left to serve.
function isAstray(io, config, self) {
  const present = hostsOf(self);
  const missing = config.members.filter((host) => !present.includes(host));
  if (self.setName !== config.set || missing.length * 2 < config.members.length) {
    return false;
  }
  for (const host of missing) {
    const peer = ask(io, host);
    const works = peer !== null && peer.setName === config.set && (peer.primary || peer.isWritablePrimary || peer.ismaster);
    if (works && !isSameSet(peer, self) && rank(config, peer) > rank(config, self)) {
      io.say(`is not ready: ${host} belongs to another replica set, which has more of the members, or the first`);
      return true;
    }
  }
  return false;
}

// The more members of the configuration a set has, and the earlier ones, the higher.
function rank(config, hello) {
  const indexes = hostsOf(hello).map((host) => config.members.indexOf(host)).filter((index) => index >= 0);
  return indexes.length + 1 / (2 + Math.min.apply(null, indexes));
}

// This member has no set: it makes one if nobody can have one, or waits to be taken in.
function initiate(io, config, ordinal) {
  const self = config.members[ordinal];
  if (self === undefined) {
    io.say(`is not one of the ${config.members.length} members of the configuration: does nothing`);
    return;
  }
  if (ordinal !== 0) {
    io.say(`waits to be taken into the replica set, which ${config.members[0]} initiates`);
    return;
  }
  let clear = true;
  for (const host of config.members) {
    if (host !== self) {
      const peer = ask(io, host, 'waits to initiate the replica set');
      if (peer !== null && peer.setName === config.set) {
        io.say(`waits to be taken into the replica set that ${host} has`);
      } else if (peer !== null && peer.setName) {
        io.say(`does not initiate: ${host} carries another replica set, ${peer.setName}`);
      }
      clear = clear && peer !== null && !peer.setName;
    }
  }
  if (!clear) {
    return;
  }
  try {
    io.run('admin', {
      replSetInitiate: { _id: config.set, members: config.members.map((host, index) => ({ _id: index, host: host })) },
    });
    io.say(`initiated the replica set ${config.set} with ${config.members.join(', ')}`);
  } catch (error) {
    io.say(
      error.code === CODES.ALREADY_INITIALIZED
        ? 'waits for the replica set that it has already'
        : `could not initiate the replica set and tries again: ${error.message}`
    );
  }
}

// The hello of another member, or null. Says that it does not answer where that matters for a purpose.
function ask(io, host, purpose) {
  try {
    const hello = io.hello(host);
    return hello;
  } catch (error) {
    if (purpose) {
      io.say(`${purpose}: ${host} does not answer: ${error.message}`);
    }
    return null;
  }
}

// This member is the primary: it sees to the users, and to members that are missing.
function lead(io, config, self, memory) {
  reportStrangers(io, config, self);
  const newcomer = findNewcomer(io, config, self);
  const passwords = readPasswords(io, config);
  const compatibility = compatibilityToSet(io, config, self, memory);
  const now = io.now();
  const wanted = JSON.stringify([String(self.electionId), config.root, config.roles, config.users, passwords]);
  const known = memory.users;
  const due = known === null || known.wanted !== wanted || now - known.at >= USERS_EVERY;
  if (!due && ((newcomer === null && compatibility === null) || !known.rootWorks)) {
    return;
  }
  const root = logInAsRoot(io, config, passwords[0]);
  if (root === null) {
    memory.users = { wanted: wanted, at: now, rootWorks: false };
    return;
  }
  try {
    const status = root.run('admin', { replSetGetStatus: 1 });
    if (due) {
      reportForeign(io, status);
      for (const role of config.roles || []) {
        reconcileRole(io, root, role);
      }
      for (let index = 0; index < config.users.length; index++) {
        reconcileUser(io, root, config.users[index], passwords[index + 1]);
      }
      memory.users = { wanted: wanted, at: now, rootWorks: true };
    }
    if (compatibility !== null) {
      raiseCompatibility(io, root, self, compatibility);
      memory.compatibility = compatibility;
    }
    if (newcomer !== null) {
      add(io, root, status, newcomer);
    }
  } finally {
    root.close();
  }
}

// Those members of the set that hello names: all but hidden and delayed ones.
function hostsOf(hello) {
  return [].concat(hello.hosts || [], hello.passives || [], hello.arbiters || []);
}

function reportStrangers(io, config, self) {
  const strangers = hostsOf(self).filter((host) => !config.members.includes(host));
  if (strangers.length > 0) {
    io.say(`in the replica set, but not in the configuration, and left alone: ${strangers.join(', ')}`);
  }
}

// A member whose heartbeats are refused because it belongs to a set that was made elsewhere, perhaps of the same name.
function reportForeign(io, status) {
  for (const member of status.members) {
    if (/\bset (ids?|names?)\b.*\bmatch\b/i.test(member.lastHeartbeatMessage || '')) {
      io.say(`${member.name} carries another replica set and is left alone: ${member.lastHeartbeatMessage}`);
    }
  }
}

// The first missing member that can be added now, or null.
function findNewcomer(io, config, self) {
  const present = hostsOf(self);
  for (const host of config.members) {
    if (!present.includes(host)) {
      const peer = ask(io, host, 'waits to add a member');
      if (peer !== null && !peer.setName) {
        return host;
      }
      if (peer !== null && !isSameSet(peer, self)) {
        io.say(`does not add ${host}: it carries another replica set, ${peer.setName} of ${hostsOf(peer).join(', ')}`);
      }
    }
  }
  return null;
}

// Whether both see the same members: one that does not see itself among them is hidden or delayed.
function isSameSet(one, other) {
  return one.setName === other.setName && hostsOf(one).sort().join() === hostsOf(other).sort().join();
}

// One member at a time: MongoDB allows one more voter per change, and a primary should not feed two new members.
function add(io, root, status, host) {
  const found = root.run('admin', { replSetGetConfig: 1, commitmentStatus: true });
  const current = found.config;
  if (current.members.some((member) => member.host === host)) {
    return;
  }
  const unsynced = status.members.filter((member) => UNSYNCED.includes(member.state)).map((member) => member.name);
  if (found.commitmentStatus === false || unsynced.length > 0) {
    io.say(`waits to add ${host} until an earlier change is done${unsynced.length > 0 ? `: ${unsynced.join(', ')}` : ''}`);
    return;
  }
  const id = Math.max.apply(null, current.members.map((member) => member._id)) + 1;
  root.run('admin', {
    replSetReconfig: Object.assign({}, current, {
      version: current.version + 1,
      members: current.members.concat([{ _id: id, host: host }]),
    }),
    maxTimeMS: 20000,
  });
  io.say(`added ${host} to the replica set`);
}

// The passwords of root and of the users, in this order.
function readPasswords(io, config) {
  const passwords = [];
  for (const user of [config.root].concat(config.users)) {
    const password = io.read(user.passwordFile).trim();
    if (password === '') {
      throw new Error(`${user.passwordFile} is empty`);
    }
    passwords.push(password);
  }
  return passwords;
}

// A session of root, who is created if there are no users at all; null if the password is wrong.
function logInAsRoot(io, config, password) {
  const root = config.root;
  const session = io.login(root.name, password, 'admin');
  if (session !== null) {
    return session;
  }
  try {
    // Without a login, which works only from this machine and until there is a user.
    io.run('admin', {
      createUser: root.name,
      pwd: password,
      roles: [{ role: 'root', db: 'admin' }],
      writeConcern: MAJORITY,
    });
  } catch (error) {
    if (error.code !== CODES.UNAUTHORIZED) {
      throw error;
    }
    io.say(
      `WRONG ROOT PASSWORD: users exist, but ${root.name} cannot log in with the one in ${root.passwordFile}. ` +
        'Nothing is changed and users are not reconciled until this is solved: put the former password back into the ' +
        `Secret, or log in with it and run db.getSiblingDB("admin").changeUserPassword("${root.name}", passwordPrompt())`
    );
    return null;
  }
  io.say(`created the user ${root.name}`);
  return io.login(root.name, password, 'admin');
}

// A role of our own, which may do what its privileges say and nothing else.
function reconcileRole(io, root, role) {
  const found = root.run('admin', { rolesInfo: { role: role.name, db: 'admin' }, showPrivileges: true }).roles;
  if (found.length === 0) {
    root.run('admin', { createRole: role.name, privileges: role.privileges, roles: [], writeConcern: MAJORITY });
    io.say(`created the role ${role.name}`);
  } else if (found[0].roles.length > 0 || namesOfPrivileges(found[0].privileges) !== namesOfPrivileges(role.privileges)) {
    root.run('admin', { updateRole: role.name, privileges: role.privileges, roles: [], writeConcern: MAJORITY });
    io.say(`set the privileges of the role ${role.name}`);
  }
}

function namesOfPrivileges(privileges) {
  return privileges
    .map((privilege) => {
      const resource = privilege.resource;
      const place = resource.cluster ? 'cluster' : `${resource.db}.${resource.collection}`;
      return `${place}: ${privilege.actions.slice().sort().join()}`;
    })
    .sort()
    .join('; ');
}

function reconcileUser(io, root, user, password) {
  const found = root.run(user.database, { usersInfo: { user: user.name, db: user.database } }).users;
  if (found.length === 0) {
    root.run(user.database, { createUser: user.name, pwd: password, roles: user.roles, writeConcern: MAJORITY });
    io.say(`created the user ${user.name}`);
    return;
  }
  if (namesOf(found[0].roles) !== namesOf(user.roles)) {
    root.run(user.database, { updateUser: user.name, roles: user.roles, writeConcern: MAJORITY });
    io.say(`set the roles of the user ${user.name}`);
  }
  const session = io.login(user.name, password, user.database);
  if (session === null) {
    root.run(user.database, { updateUser: user.name, pwd: password, writeConcern: MAJORITY });
    io.say(`set the password of the user ${user.name}`);
  } else {
    session.close();
  }
}

// The featureCompatibilityVersion that the configuration wants and that all members can have, or null.
function compatibilityToSet(io, config, self, memory) {
  const wanted = config.featureCompatibilityVersion || null;
  if (wanted === null || memory.compatibility === wanted) {
    return null;
  }
  for (const host of config.members) {
    const peer = host === self.me ? self : ask(io, host, `waits to set featureCompatibilityVersion ${wanted}`);
    if (peer === null) {
      return null;
    }
    if (peer.maxWireVersion !== self.maxWireVersion) {
      io.say(`waits to set featureCompatibilityVersion ${wanted}: ${host} runs another version of MongoDB`);
      return null;
    }
  }
  return wanted;
}

// It is never lowered: that can take data away which an older version does not know.
function raiseCompatibility(io, root, self, wanted) {
  const found = root.run('admin', { getParameter: 1, featureCompatibilityVersion: 1 }).featureCompatibilityVersion;
  if (Number(found.version) > Number(wanted)) {
    io.say(`featureCompatibilityVersion is ${found.version}, and is not lowered to ${wanted}`);
  } else if (found.version === wanted && !found.targetVersion) {
    io.say(`featureCompatibilityVersion is ${wanted}`);
  } else {
    const confirmed = self.maxWireVersion >= CONFIRMS ? { confirm: true } : {};
    root.run('admin', Object.assign({ setFeatureCompatibilityVersion: wanted, writeConcern: MAJORITY }, confirmed));
    io.say(`featureCompatibilityVersion is ${wanted} now`);
  }
}

// Which formats the data of this member has: beside it, that tells the next server whether it can be started. Each
// member asks itself, because what it has not yet got from the primary it does not have on its volume either.
function noteFormats(io, config, memory) {
  const known = memory.formats || { version: null, due: 0 };
  const awaited = known.version !== null && Number(known.version) < Number(config.featureCompatibilityVersion);
  const now = io.now();
  if (!awaited && now < known.due) {
    return;
  }
  // While there is no root that can log in, nothing is noted; what is wrong with it, the primary says.
  memory.formats = { version: known.version, due: now + RETRY_EVERY };
  const root = io.login(config.root.name, io.read(config.root.passwordFile).trim(), 'admin');
  if (root === null) {
    return;
  }
  try {
    const found = root.run('admin', { getParameter: 1, featureCompatibilityVersion: 1 }).featureCompatibilityVersion;
    // `version` is the older of both while it changes.
    if (found.version !== known.version) {
      io.formats(found.version);
      io.say(`its data has featureCompatibilityVersion ${found.version}`);
    }
    memory.formats = { version: found.version, due: now + USERS_EVERY };
  } finally {
    root.close();
  }
}

function namesOf(roles) {
  return roles.map((role) => `${role.role}@${role.db}`).sort().join();
}

// Says a line once, for as long as every pass says it again.
function speaker(print) {
  let before = [];
  let now = [];
  return {
    say: function (line) {
      if (!before.includes(line) && !now.includes(line)) {
        print(line);
      }
      now.push(line);
    },
    endPass: function () {
      before = now;
      now = [];
    },
  };
}
