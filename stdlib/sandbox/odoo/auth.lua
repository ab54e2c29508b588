--- Logging in: passwords, API keys, sessions, and the wait after ten wrong tries.
--
-- 14 counts failures at every door; 17 and later count those of the web login only. While an
-- address waits, the right password is refused too. Sessions live by their cookie.

local faults = require "sandbox.odoo.faults"
local people = require "sandbox.people"
local py = require "sandbox.odoo.py"

local auth = {}

local SECOND <const> = 1000000
local TRIES <const> = 10
local WAIT <const> = 60 * SECOND
local IDLE <const> = 7 * 86400 * SECOND

local TOO_MANY <const> = "Too many login failures, please wait a bit before trying again."

-- Databases --------------------------------------------------------------------------------------

--- Raises what PostgreSQL answers for a database that does not exist.
---@param state table
---@param db any
function auth.need_database(state, db)
  if db == state.config.database then return end
  local text = ('FATAL:  database "%s" does not exist\n'):format(py.str(db))
  if state.version >= 17 then
    text = 'connection to server at "127.0.0.1", port 5432 failed: ' .. text
  end
  faults.raise("psycopg2.OperationalError", text)
end

-- Failures ---------------------------------------------------------------------------------------

local function waiting(state, address, now)
  local f = state.failures[address]
  return f and f.count >= TRIES and now - f.at < WAIT
end

local function count_failure(state, address, now)
  local f = state.failures[address] or { count = 0 }
  f.count, f.at = f.count + 1, now
  state.failures[address] = f
end

-- Runs `check`; refuses while the address waits, counts a failure, forgets them on success.
local function guarded(state, from, now, counted, check)
  local address = from or "local"
  if counted and waiting(state, address, now) then faults.access_denied(TOO_MANY) end
  local uid = check()
  if uid then
    if counted then state.failures[address] = nil end
    return uid
  end
  if counted then count_failure(state, address, now) end
  faults.access_denied("Access Denied")
end

-- Credentials ------------------------------------------------------------------------------------

local function is_key(state, secret, now)
  local ends = state.version >= 18 and state.config.api_key_expires_us
  return secret == state.config.api_key and not (ends and now > ends)
end

local function right_secret(state, user, secret, now)
  if type(secret) ~= "string" or secret == "" then return false end
  return user.password_ == secret or user.id == state.config.uid and is_key(state, secret, now)
end

local function user_by_login(state, login)
  local t = state:table("res.users")
  local id = type(login) == "string" and t:where("login", login)[1]
  local user = id and t.rows[id]
  return user and user.active and user or nil
end

--- common.login and common.authenticate: the uid, or false.
---@return integer|false
function auth.login(state, db, login, secret, from, now)
  auth.need_database(state, db)
  local ok, uid = pcall(guarded, state, from, now, state.version < 17, function()
    local user = user_by_login(state, login)
    return user and right_secret(state, user, secret, now) and user.id
  end)
  if ok then return uid end
  if not faults.is(uid) then error(uid, 0) end
  return false
end

--- The credentials of an execute call; raises AccessDenied.
---@return integer uid
function auth.check(state, db, uid, secret, from, now)
  auth.need_database(state, db)
  return guarded(state, from, now, state.version < 17, function()
    local user = math.type(uid) == "integer" and state:table("res.users").rows[uid]
    return user and user.active and right_secret(state, user, secret, now) and user.id
  end)
end

--- The key of a JSON-2 call; raises werkzeug's Unauthorized.
---@param header string?  the Authorization header
---@param now integer
---@return integer uid
function auth.bearer(state, header, now)
  local key = header and header:match("^[Bb][Ee][Aa][Rr][Ee][Rr]%s+(%S+)%s*$")
  if not key then
    faults.werkzeug("Unauthorized", 401, "401 Unauthorized",
      "User not authenticated, use an API Key with a Bearer Authorization header.")
  end
  if not is_key(state, key, now) then
    faults.werkzeug("Unauthorized", 401, "401 Unauthorized", "Invalid apikey")
  end
  return state.config.uid
end

-- Sessions ---------------------------------------------------------------------------------------

local ALPHABET <const> = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

--- A new session id: 40 hex digits, 84 characters since 19.
---@param state table
---@return string
function auth.new_session_id(state)
  state.sessions.made = state.sessions.made + 1
  local draw = people.random(state.config.seed, -state.sessions.made)
  local wide, out = state.version >= 19, {}
  for i = 1, wide and 84 or 40 do
    local n = draw(wide and 64 or 16)
    out[i] = wide and ALPHABET:sub(n + 1, n + 1) or ("%x"):format(n)
  end
  return table.concat(out)
end

--- The web login: a session for the user; raises AccessDenied.
---@return integer uid
---@return string session
function auth.open_session(state, db, login, secret, from, now)
  if db ~= state.config.database and state.version >= 17 then
    faults.access_error("Database not found.")
  end
  auth.need_database(state, db)
  local uid = guarded(state, from, now, true, function()
    local user = user_by_login(state, login)
    return user and right_secret(state, user, secret, now) and user.id
  end)
  local sid = auth.new_session_id(state)
  state.sessions.open[sid] = { uid = uid, at = now }
  return uid, sid
end

--- The session id that a request carries.
---@param headers table<string, string>
---@return string?
function auth.cookie(headers)
  return (headers.cookie or ""):match("session_id=([^;%s]+)")
end

--- The user of a session; raises SessionExpiredException.
---@return integer uid
function auth.session(state, sid, now)
  local session = sid and state.sessions.open[sid]
  if not session or now - session.at > IDLE then
    faults.raise("odoo.http.SessionExpiredException", "Session expired", { lost_id = true })
  end
  session.at = now
  return session.uid
end

--- Ends every session.
function auth.forget(state) state.sessions.open = {} end

--- Ends a session.
function auth.close_session(state, sid)
  if sid then state.sessions.open[sid] = nil end
end

return auth
