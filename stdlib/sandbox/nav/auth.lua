--- Signing in to the sandbox NAV: Basic, NTLM by connection, or a bearer token of OAuth2.
--
-- A NAV server has one of them (`options.auth`), and so has this one. Tokens are handed out at any
-- path that ends in /oauth2/v2.0/token, to the user as client and the password as its secret, as
-- login.microsoftonline.com does. Connections are known by where they come from; what is known of
-- them is no part of the saved state.

local crypto = require "navodoo.crypto"
local json = require "navodoo.json"
local ntlm = require "sandbox.nav.ntlm"
local query = require "sandbox.nav.query"

local auth = {}

--- The ways there are.
auth.WAYS = { "basic", "ntlm", "oauth2" }

local DOMAIN <const> = "CRONUS"
local REMEMBERED <const> = 1000

-- state -> { list of peers, by peer { challenge=, signed= }, tokens }
local memory = setmetatable({}, { __mode = "k" })

local function memory_of(state)
  local m = memory[state]
  if not m then
    m = { peers = {}, count = 0, tokens = {} }
    memory[state] = m
  end
  return m
end

--- Every connection has to sign in anew, every token is refused.
function auth.forget(state) memory[state] = nil end

local function basic(request, state)
  local encoded = (request.headers.authorization or ""):match("^[Bb][Aa][Ss][Ii][Cc]%s+(%S+)")
  local plain = encoded and crypto.unbase64(encoded)
  local user, password = (plain or ""):match("^([^:]*):(.*)$")
  if user and crypto.equal(user:lower(), state.user:lower()) and crypto.equal(password, state.password) then
    return nil
  end
  return 'Basic realm=""'
end

local function by_connection(request, state)
  local m, peer = memory_of(state), request.peer or ""
  local message, kind = ntlm.read(request.headers.authorization)
  local known = m.peers[peer]
  if kind == 1 then
    if m.count >= REMEMBERED then m.peers, m.count = {}, 0 end
    if not m.peers[peer] then m.count = m.count + 1 end
    local challenge = crypto.random_hex(4)
    m.peers[peer] = { challenge = challenge }
    return "NTLM " .. ntlm.challenge(message, challenge, DOMAIN)
  end
  if kind == 3 and known and known.challenge then
    local challenge = known.challenge
    known.challenge = nil
    known.signed = ntlm.accepts(message, challenge, state.user, state.password)
  end
  if known and known.signed then return nil end
  return "NTLM"
end

local function bearer(request, state, now)
  local token = (request.headers.authorization or ""):match("^[Bb][Ee][Aa][Rr][Ee][Rr]%s+(%S+)%s*$")
  local ends = token and memory_of(state).tokens[token]
  if ends and now < ends then return nil end
  return 'Bearer authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize"'
end

local CHECKS <const> = { basic = basic, ntlm = by_connection, oauth2 = bearer }

--- The challenge that a request is refused with; nil lets it in.
---@param request table
---@param state table
---@param now integer
---@return string? challenge
function auth.challenge(request, state, now) return CHECKS[state.auth or "basic"](request, state, now) end

-- ---- the token endpoint --------------------------------------------------------------------

local function token_answer(status, value)
  return { status = status, headers = { ["Content-Type"] = "application/json; charset=utf-8",
                                        ["Cache-Control"] = "no-store" }, body = assert(json.encode(value)) }
end

local function refuse(status, code, description)
  return token_answer(status, { error = code, error_description = description })
end

local function form_of(body)
  local form = {}
  for part in (body or ""):gmatch "[^&]+" do
    local name, value = part:match "^([^=]*)=(.*)$"
    if name then form[query.decode((name:gsub("%+", " ")))] = query.decode((value:gsub("%+", " "))) end
  end
  return form
end

---@param path string
---@return boolean
function auth.is_token_path(path) return path:match "^[^?]*":find "/oauth2/v2%.0/token$" ~= nil end

--- POST .../oauth2/v2.0/token
---@param request table
---@param state table
---@param now integer
function auth.token(request, state, now)
  local form = form_of(request.body)
  if request.method ~= "POST" then
    return refuse(400, "invalid_request", "AADSTS900561: The endpoint only accepts POST")
  end
  if form.grant_type ~= "client_credentials" then
    return refuse(400, "unsupported_grant_type", "AADSTS70003: The app requested an unsupported grant type")
  end
  if not (form.scope or ""):find "/%.default$" then
    return refuse(400, "invalid_scope", "AADSTS1002012: The provided value for scope is not valid")
  end
  if form.client_id ~= state.user then
    return refuse(401, "unauthorized_client", "AADSTS700016: Application was not found in the directory")
  end
  if not crypto.equal(form.client_secret or "", state.password) then
    return refuse(401, "invalid_client", "AADSTS7000215: Invalid client secret provided")
  end
  local m, seconds = memory_of(state), state.token_seconds
  local token = "eyJ0eXAiOiJKV1QifQ." .. crypto.random_hex(120) .. ".sandbox"
  m.tokens[token] = now + seconds * 1000000
  state.stats.tokens = (state.stats.tokens or 0) + 1
  return token_answer(200, { token_type = "Bearer", expires_in = seconds, ext_expires_in = seconds,
                             access_token = token })
end

return auth
