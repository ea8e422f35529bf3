// Runs passes of reconcile() in given states of the world, and prints what they did: a line of JSON for each pass.
//
// In mongosh, after reconcile.js. Every call waits, as the real ones do: mongosh's hidden waiting is part of the test.

function answer(value) {
  sleep(0);
  if (value && value.error) {
    throw Object.assign(new Error(value.error), { code: value.code });
  }
  return value;
}

// A world as one pass finds it: see test_mongodb_reconcile.py.
function worldIo(world, done) {
  const users = world.users;

  function run(who, database, command) {
    const name = Object.keys(command)[0];
    const failure = world.failures[`${who}: ${name}`];
    if (!['usersInfo', 'rolesInfo', 'replSetGetConfig', 'replSetGetStatus', 'getParameter'].includes(name)) {
      done.does.push(`${who}: ${database} ${JSON.stringify(command)}`);
    }
    if (failure) {
      return answer(failure);
    }
    if (who === 'nobody' && name === 'createUser' && Object.keys(users).length > 0) {
      return answer({ error: 'not authorized', code: 13 });
    }
    if (name === 'createUser') {
      users[command.createUser] = { password: command.pwd, roles: command.roles };
    }
    if (name === 'updateUser' && command.pwd) {
      users[command.updateUser].password = command.pwd;
    }
    const user = name === 'usersInfo' && users[command.usersInfo.user];
    const role = name === 'rolesInfo' && (world.roles || {})[command.rolesInfo.role];
    const replies = {
      rolesInfo: { roles: role ? [role] : [] },
      usersInfo: { users: user ? [{ user: command.usersInfo.user, db: database, roles: user.roles }] : [] },
      replSetGetConfig: { config: world.set, commitmentStatus: world.committed },
      replSetGetStatus: { members: world.status },
      getParameter: { featureCompatibilityVersion: world.compatibility },
    };
    return answer(replies[name] || {});
  }

  return {
    hello: function (host) {
      return answer(host ? world.peers[host] : world.hello);
    },
    run: function (database, command) {
      return run('nobody', database, command);
    },
    login: function (name, password, database) {
      done.logins.push(`${name}@${database}`);
      answer(world.failures[`login ${name}`]);
      if (!users[name] || users[name].password !== password) {
        return null;
      }
      done.open++;
      return {
        run: function (where, command) {
          return run(name, where, command);
        },
        close: function () {
          answer();
          done.open--;
        },
      };
    },
    read: function (path) {
      if (!(path in world.files)) {
        throw new Error(`ENOENT: no such file or directory, open '${path}'`);
      }
      return world.files[path];
    },
    now: function () {
      return world.now;
    },
    role: function (role) {
      done.roles.push(role);
    },
    formats: function (version) {
      done.formats.push(version);
    },
  };
}

for (const passes of JSON.parse(fs.readFileSync(process.env.CASES, 'utf8'))) {
  const memory = { users: null, formats: null };
  const printed = [];
  const out = speaker((line) => printed.push(line));
  const results = [];
  for (const world of passes) {
    const done = { roles: [], formats: [], says: [], does: [], logins: [], open: 0 };
    const io = worldIo(world, done);
    io.say = out.say;
    if (world.notes) {
      noteFormats(io, world.config, memory);
    } else {
      reconcile(io, world.config, world.ordinal, memory);
    }
    out.endPass();
    done.says = printed.splice(0);
    results.push(done);
  }
  print(JSON.stringify(results));
}
