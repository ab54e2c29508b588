--- Signing in: the stop after a refused login, OAuth2 tokens, Odoo sessions; and that the sandbox
-- asks for them as the real systems do.

local cache = require "navodoo.cache"
local call = require "connector.call"
local connector = require "connector"
local crypto = require "navodoo.crypto"
local digest = require "sandbox.nav.digest"
local expiring = require "cli.expiry"
local gate = require "connector.gate"
local http = require "navodoo.http"
local json = require "navodoo.json"
local nav = require "sandbox.nav"
local ntlm = require "sandbox.nav.ntlm"
local oauth = require "connector.oauth"
local odoo = require "sandbox.odoo"
local secret = require "navodoo.secret"
local server = require "sandbox.server"
local task = require "navodoo.task"
local time = require "navodoo.time"

call.TRIES = 1 -- each answer of a test is for one call

local function hex(s) return (s:gsub(".", function(c) return ("%02x"):format(c:byte()) end)) end

local REFUSED <const> = { class = "auth", code = "denied", text = "nav: no entry" }

local function fresh(settings)
  for _, space in ipairs { "login", "oauth", "endpoint:nav", "endpoint:odoo" } do cache.drop(space) end
  local endpoint = { name = "nav", kind = "nav", company = "CRONUS International Ltd.", user = "navodoo",
                     secret_name = "spec-login" }
  if not (settings and settings.secret) then assert(secret.define("spec-login", "first password")) end
  for k, v in pairs(settings or {}) do endpoint[k] = v end
  return endpoint
end

-- Moves the moment of the next try into the past.
local function wait_over(endpoint)
  local stop = gate.state(endpoint)
  stop.next = time.now() - 1
  cache.put("login", endpoint.name, assert(json.encode(stop)))
end

-- The endpoint refuses a call that begins now.
local function refuse(endpoint)
  local _, mark = gate.closed(endpoint)
  return gate.refused(endpoint, REFUSED, mark or cache.get("login", endpoint.name .. " mark"))
end

describe("connector.gate", function()
  it("answers without the network once a login was refused", function()
    local endpoint = fresh()
    expect(gate.closed(endpoint)):is_nil()
    refuse(endpoint)
    local err = gate.closed(endpoint)
    expect(err.class .. " " .. err.code):equals "auth stopped"
    expect(err.text):matches "^nav: no entry; no call until 20.*, or until the secret is changed$"
    expect(err.maybe_sent):is_false()
  end)

  it("waits longer after each refusal, at most an hour, and lets one call try", function()
    local endpoint, pauses = fresh(), {}
    for i = 1, 5 do
      refuse(endpoint)
      pauses[i] = (gate.state(endpoint).next - time.now() + 500000) // 1000000
      wait_over(endpoint)
      expect(gate.closed(endpoint)):is_nil()
      expect(gate.closed(endpoint).code):equals "stopped"
    end
    expect(table.concat(pauses, " ")):equals "300 900 2700 3600 3600"
  end)

  it("opens when the secret is another one, or when a login is taken", function()
    local endpoint = fresh()
    refuse(endpoint)
    assert(secret.define("spec-login", "second password"))
    expect(gate.closed(endpoint)):is_nil()
    refuse(endpoint)
    wait_over(endpoint)
    gate.accepted(endpoint, select(2, gate.closed(endpoint)))
    expect(gate.state(endpoint)):is_nil()
  end)

  it("counts one refusal for all calls that were under way, and believes none of them later", function()
    local endpoint = fresh()
    local _, mark = gate.closed(endpoint)
    gate.accepted(endpoint, mark)
    expect(gate.refused(endpoint, REFUSED, mark)):is_true()
    for _ = 1, 4 do expect(gate.refused(endpoint, REFUSED, mark)):is_false() end
    expect(gate.state(endpoint).tries):equals(1)
    gate.accepted(endpoint, mark) -- answered before the password was changed
    expect(gate.state(endpoint).tries):equals(1)
    expect(gate.proven(endpoint)):is_false()
  end)

  it("stops a connector: ten runs with a wrong password make one call", function()
    local endpoint, calls = fresh(), 0
    local request, report = call.request, call.report
    call.report = function() end
    call.request = function()
      calls = calls + 1
      return { status = 401, headers = {},
               body = '{"error":{"code":"Authentication_InvalidCredentials","message":"No."}}' }
    end
    local conn = connector.open(endpoint)
    for _ = 1, 10 do
      local _, err = conn:schema "CustomerCard"
      expect(err.class):equals "auth"
    end
    call.request, call.report = request, report
    expect(calls):equals(1)
  end)
end)

-- ---- OAuth2 ------------------------------------------------------------------------------

-- A token endpoint in memory; answers the tokens it gave.
local function issuer(seconds)
  local given = { n = 0, reports = {} }
  oauth.report = function(name, verdict) given.reports[#given.reports + 1] = name .. " " .. verdict end
  oauth.request = function(r)
    given.n, given.last = given.n + 1, r
    if given.pause then task.sleep(given.pause) end
    if given.fail then return given.fail() end
    assert(secret.define(r.capture.secret, "token-number-" .. given.n))
    return { status = 200, headers = {}, captured = tostring(assert(secret.get(r.capture.secret))),
             body = ('{"access_token":"***","expires_in":%d}'):format(seconds) }
  end
  return given
end

local CLIENT <const> = { auth = "oauth2", client_id = "c&d", secret = "nvsec:00000000000000000000000000000000:",
                         token_url = "https://login.example.com/t/oauth2/v2.0/token" }

describe("connector.oauth", function()
  it("asks for client credentials in a form, the secret by its handle", function()
    local given = issuer(3600)
    local headers = assert(oauth.sign(fresh(CLIENT), { Accept = "x" }))
    expect(headers.Authorization):matches "^Bearer nvsec:%x+:$"
    expect(headers.Accept):equals "x"
    expect(given.last.endpoint):equals "nav:login"
    expect(given.last.body):equals("grant_type=client_credentials&client_id=c%26d&client_secret=" .. CLIENT.secret
      .. "&scope=https:%2F%2Fapi.businesscentral.dynamics.com%2F.default")
  end)

  it("fetches once for all who ask meanwhile", function()
    local given, endpoint, done = issuer(3600), fresh(CLIENT), 0
    given.pause = 20
    for _ = 1, 20 do
      task.spawn(function()
        assert(oauth.sign(endpoint))
        done = done + 1
      end)
    end
    while done < 20 do task.sleep(1) end
    expect(given.n):equals(1)
  end)

  it("renews early, and uses a token that still holds when that fails", function()
    local given, endpoint = issuer(3600), fresh(CLIENT)
    assert(oauth.sign(endpoint))
    local token = json.decode(cache.get("oauth", "nav"))
    expect((token.expires - token.renew) // 1000000):equals(300)
    token.renew = time.now() - 1
    cache.put("oauth", "nav", assert(json.encode(token)))
    given.fail = function() return { status = 503, headers = {}, body = "busy" } end
    assert(oauth.sign(endpoint))
    expect(given.n):equals(2)
    assert(oauth.sign(endpoint)) -- and does not ask again at once
    expect(given.n):equals(2)
    token.renew, token.expires = 0, time.now() + 1000
    cache.put("oauth", "nav", assert(json.encode(token)))
    local headers, err = oauth.sign(endpoint)
    expect(headers):is_nil()
    expect(err.class):equals "transient"
  end)

  it("tells a wrong secret from a server in trouble", function()
    local given, endpoint = issuer(3600), fresh(CLIENT)
    given.fail = function()
      return { status = 401, headers = {},
               body = '{"error":"invalid_client","error_description":"AADSTS7000215: Invalid."}' }
    end
    local _, err = oauth.sign(endpoint)
    expect(err.class .. " " .. err.text):matches "^auth nav: token: AADSTS7000215: Invalid%.; are client_id"
    given.fail = function() return { status = 200, headers = {}, body = "<html>" } end
    expect(select(2, oauth.sign(endpoint)).class):equals "transient"
    given.fail = function() return nil, { code = "network", text = "nobody there" } end
    expect(select(2, oauth.sign(endpoint)).class):equals "transient"
    expect(table.concat(given.reports, ", ")):equals "nav:login ok, nav:login fail, nav:login fail"
    given.fail = function() return nil, { code = "breaker_open", text = "it waits", retry_after_ms = 5000 } end
    local _, waits = oauth.sign(endpoint) -- costs a job no attempt
    expect(waits.code .. waits.retry_after_ms .. #given.reports):equals "breaker_open50003"
  end)

  it("renews once after a 401, then gives up", function()
    local given, endpoint, statuses = issuer(3600), fresh(CLIENT), { 200, 401, 200, 401, 401 }
    local request, report, sent = call.request, call.report, {}
    call.report = function() end
    call.request = function(r)
      sent[#sent + 1] = r.headers.Authorization
      local status = table.remove(statuses, 1)
      return { status = status, headers = {}, body = status == 200 and '{"value":[]}' or "no" }
    end
    local conn = connector.open(endpoint)
    local function ask()
      return call.exchange(conn.endpoint, { what = "x", path = "/x" }, function(res)
        if res.status == 200 then return true end
        return nil, { class = "auth", code = "401", text = "nav: refused" }
      end)
    end
    expect(ask()):is_true()
    expect(ask()):is_true()
    expect(given.n):equals(2)
    local _, err = ask()
    expect(err.class):equals "auth"
    expect(given.n):equals(3)
    expect(select(2, ask()).code):equals "stopped"
    expect(#sent):equals(5)
    call.request, call.report = request, report
  end)

  it("renews once for fifty calls under which the token ends", function()
    local given, endpoint = issuer(3600), fresh(CLIENT)
    given.pause = 20
    local request, report, good = call.request, call.report, 2
    call.report = function() end
    call.request = function()
      local issue = given.n
      task.sleep(5)
      return { status = issue >= good and 200 or 401, headers = {}, body = "" }
    end
    local conn, running, went_well = connector.open(endpoint), 0, 0
    local function all()
      for _ = 1, 50 do
        running = running + 1
        task.spawn(function()
          local ok = call.exchange(conn.endpoint, { what = "x", path = "/x" }, function(res)
            if res.status == 200 then return true end
            return nil, { class = "auth", code = "401", text = "nav: refused" }
          end)
          went_well, running = went_well + (ok and 1 or 0), running - 1
        end)
      end
      while running > 0 do task.sleep(1) end
    end
    assert(oauth.sign(endpoint)) -- a token that NAV no longer takes
    all()
    expect(given.n .. " " .. went_well):equals "2 50"
    local token = json.decode(cache.get("oauth", "nav"))
    token.renew, token.expires = time.now() - 2, time.now() - 1 -- and one that ended by itself
    cache.put("oauth", "nav", assert(json.encode(token)))
    all()
    expect(given.n .. " " .. went_well):equals "3 100"
    call.request, call.report = request, report
  end)

  it("keeps the token that came while an older one was refused", function()
    local given, endpoint = issuer(3600), fresh(CLIENT)
    local _, _, first = oauth.sign(endpoint)
    oauth.refused(endpoint, first)
    assert(oauth.sign(endpoint))
    oauth.refused(endpoint, first) -- somebody else, late
    assert(oauth.sign(endpoint))
    expect(given.n):equals(2)
  end)
end)
oauth.request, oauth.report = call.ask, call.report

-- ---- against the sandbox -----------------------------------------------------------------------

local NOW <const> = { now = function() return 1768435200000000 end }

--- Serves one side on a free port and opens an endpoint to it.
local function serve(side, door, fn)
  local listener = assert(http.serve { handler = server.handler(side), max_body = 1 << 20 })
  door.base_url = ("http://127.0.0.1:%d%s"):format(listener.port, door.base_url or "")
  assert(http.endpoint(door))
  fn(listener.port)
  listener:close()
end

describe("NTLM", function()
  it("has the digests of the RFCs", function()
    expect(hex(digest.md4 "")):equals "31d6cfe0d16ae931b73c59d7e0c089c0"
    expect(hex(digest.md4 "12345678901234567890123456789012345678901234567890123456789012345678901234567890"))
      :equals "e33b4ddc9c38f2199c3e7b164fcc0536"
    expect(hex(digest.md5 "message digest")):equals "f96b697d7cb7938d525a2f31aaf161d0"
    expect(hex(digest.md5(("a"):rep(64)))):equals "014842d480b571495a4a0363793f7367"
    expect(hex(digest.hmac_md5(("\xaa"):rep(80), "Test Using Larger Than Block-Size Key - Hash Key First")))
      :equals "6b1ab7fe4bd7bf8f0b62e6ce61b9d0cd"
  end)

  it("takes only the right answer to its own challenge", function()
    local state = nav.new { customers = 1, auth = "ntlm" }
    local function ask(header, peer)
      return nav.handle({ method = "GET", path = "/DynamicsNAV110/ODataV4/", peer = peer or "a:1",
                          headers = { authorization = header } }, state, NOW)
    end
    expect(ask(nil).headers["WWW-Authenticate"]):equals "NTLM"
    local one = "NTLM " .. crypto.base64("NTLMSSP\0\1\0\0\0" .. ("\0"):rep(20))
    expect(ask(one).headers["WWW-Authenticate"]):matches "^NTLM TlRMTVNTUAAC"
    expect(ask("NTLM " .. crypto.base64("NTLMSSP\0\3\0\0\0" .. ("\0"):rep(60))).status):equals(401)
    expect(ask("NTLM " .. crypto.base64 "NTLMSSP\0\3\0\0\0").status):equals(401) -- cut short
    expect(ask("NTLM !!!!").status):equals(401)
    expect(ntlm.accepts("NTLMSSP\0\3\0\0\0" .. ("\xff"):rep(60), "12345678", "u", "p")):is_false()
  end)

  it("signs our client in, once for each connection", function()
    local side = { kind = "nav", module = nav, state = nav.new { customers = 3, auth = "ntlm", password = "pässwörd" } }
    local token = tostring(assert(secret.define("spec-ntlm", "pässwörd")))
    serve(side, { name = "nav", base_url = "/DynamicsNAV110/ODataV4", auth = "ntlm", user = "CRONUS\\navodoo",
                  secret = token, max_connections = 1 }, function()
      for _ = 1, 3 do
        local res = assert(http.request { endpoint = "nav", path = "/Company" })
        expect(res.status):equals(200)
      end
      expect(side.state.stats.refused):equals(1)
      assert(secret.define("spec-ntlm", "wrong"))
      require("sandbox.nav.auth").forget(side.state)
      expect(assert(http.request { endpoint = "nav", path = "/Company" }).status):equals(401)
    end)
  end)
end)

describe("OAuth2 of the sandbox", function()
  it("gives tokens to the right client, which end", function()
    local side = { kind = "nav", module = nav, state = nav.new { customers = 3, auth = "oauth2" } }
    serve(side, { name = "nav", base_url = "/DynamicsNAV110/ODataV4" }, function(port)
      local token_url = ("http://127.0.0.1:%d/common/oauth2/v2.0/token"):format(port)
      assert(http.endpoint { name = "nav:login", base_url = token_url })
      local endpoint = fresh { auth = "oauth2", client_id = "navodoo",
                               secret = tostring(assert(secret.define("spec-login", "sandbox"))) }
      local conn = connector.open(endpoint)
      assert(conn:schema "CustomerCard")
      require("sandbox.nav.auth").forget(side.state) -- the token is refused: one more, then goes on
      local rows = assert(conn:scan("CustomerCard", { fields = { "No" }, limit = 10 }))
      expect(#rows.rows):equals(3)
      expect(side.state.stats.tokens):equals(2)
      assert(secret.define("spec-login", "not the secret"))
      fresh()
      local _, err = conn:schema "CustomerCard"
      expect(err.class .. " " .. err.text):matches "^auth nav: token: AADSTS7000215"
    end)
  end)
end)

describe("connector.odoo session", function()
  local function with_odoo(version, fn)
    local side = { kind = "odoo", module = odoo, state = odoo.new { version = version, password = "web password" } }
    serve(side, { name = "odoo" }, function()
      local endpoint = fresh { name = "odoo", kind = "odoo", company = false, database = "sandbox",
        user = "navodoo@example.com", auth = "session", secret_name = "spec-login",
        secret = tostring(assert(secret.define("spec-login", "web password"))) }
      fn(connector.open(endpoint), side.state)
    end)
  end

  for _, version in ipairs { 14, 17, 18, 19 } do
    it("logs in once, calls, and opens a lost session anew, Odoo " .. version, function()
      with_odoo(version, function(conn, state)
        local before = state.sessions.made
        local ids = assert(conn:search("res.country", json.array { json.array { "code", "=", "DE" } }, { "name" }))
        expect(#ids):equals(1)
        assert(conn:read("res.country", { ids[1].id }, { "code" }))
        expect(state.sessions.made - before):equals(1)
        require("sandbox.odoo.auth").forget(state)
        local done = 0
        for _ = 1, 5 do
          task.spawn(function()
            assert(conn:read("res.country", { ids[1].id }, { "code" }))
            done = done + 1
          end)
        end
        while done < 5 do task.sleep(1) end
        expect(state.sessions.made - before):equals(2)
      end)
    end)
  end

  it("tries a wrong password once", function()
    with_odoo(19, function(conn, state)
      assert(secret.define("spec-login", "wrong"))
      for _ = 1, 12 do
        local _, err = conn:read("res.country", { 1 }, { "code" })
        expect(err.class):equals "auth"
      end
      local failures = 0
      for _, f in pairs(state.failures) do failures = failures + f.count end
      expect(failures):equals(1)
    end)
  end)

  --- What a user of Odoo 14, where a wrong password in any call counts, costs the address.
  local function calls_with_a_password_that_was_changed(before, n)
    local failures, classes = 0, {}
    local side = { kind = "odoo", module = odoo, state = odoo.new { version = 14, password = "old password" } }
    serve(side, { name = "odoo", max_connections = 3 }, function()
      local endpoint = fresh { name = "odoo", kind = "odoo", database = "sandbox", auth = "password",
        user = "navodoo@example.com", secret_name = "spec-login",
        secret = tostring(assert(secret.define("spec-login", "old password"))) }
      local conn, done = connector.open(endpoint), 0
      if before then assert(conn:read("res.country", { 1 }, { "code" })) end
      side.state:table("res.users").rows[side.state.config.uid].password_ = "new password"
      for i = 1, n do
        task.spawn(function()
          local _, err = conn:read("res.country", { 1 }, { "code" })
          done, classes[i] = done + 1, err and err.class
        end)
      end
      while done < n do task.sleep(1) end
      for _, f in pairs(side.state.failures) do failures = failures + f.count end
      expect(gate.state(endpoint).tries):equals(1)
    end)
    for i = 1, n do expect(classes[i]):equals "auth" end
    return failures
  end

  it("counts one try, however many flows start with a wrong password", function()
    expect(calls_with_a_password_that_was_changed(false, 12)):equals(1)
  end)

  it("takes back the calls that wait when a password is changed on the server", function()
    -- those on the wire, those that took their place before we heard of it, and the one that makes sure
    expect(calls_with_a_password_that_was_changed(true, 30) <= 3 + 3 + 1):is_true()
  end)

  it("tells when the first key of the user expires, where Odoo tells it", function()
    for _, version in ipairs { 17, 19 } do
      local side = { kind = "odoo", module = odoo, state = odoo.new { version = version, api_key = "k-0123456789",
        api_key_expires_us = time.parse_iso "2027-03-31T23:59:59Z" } }
      serve(side, { name = "odoo" }, function()
        local conn = connector.open(fresh { name = "odoo", kind = "odoo", database = "sandbox", auth = "api_key",
          user = "navodoo@example.com", secret_name = "spec-login",
          secret = tostring(assert(secret.define("spec-login", "k-0123456789"))) })
        local expiry, err = conn:key_expiry()
        expect(err):is_nil()
        if version < 18 then expect(expiry):is_false()
        else expect(expiry.date .. " " .. expiry.keys):equals "2027-03-31 1" end
      end)
    end
  end)
end)

describe("cli.expiry", function()
  local function day(days) return time.date(time.now() + days * 86400 * 1000000, "UTC") end

  it("knows what is declared, and keeps it for status", function()
    local known = expiring.look(fresh { expires = day(12) })
    expect(known.source .. " " .. known.date):equals("declared " .. day(12))
    expect(known.days):equals(12)
    expect(expiring.of("nav").days):equals(12)
    expect(expiring.look(fresh { expires = day(-2) }).days):equals(-2)
    expect(expiring.look(fresh {})):is_nil()
    expect(expiring.of "nav"):is_nil()
  end)

  it("asks Odoo for a key, and not about a password", function()
    local side = { kind = "odoo", module = odoo, state = odoo.new { version = 19, api_key = "k-0123456789",
      password = "the password", api_key_expires_us = time.now() + 5 * 86400 * 1000000 } }
    serve(side, { name = "odoo" }, function()
      for _, value in ipairs { "k-0123456789", "the password" } do
        local known = expiring.look(fresh { name = "odoo", kind = "odoo", database = "sandbox", auth = "password",
          user = "navodoo@example.com", secret_name = "spec-login",
          secret = tostring(assert(secret.define("spec-login", value))) })
        expect(known and known.source .. known.days):equals(value:find "^k" and "odoo5" or nil)
      end
    end)
  end)
end)
