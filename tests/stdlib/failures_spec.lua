-- The tables of failures, row by row: each is met by a case, says where it is from, and what a person
-- can do. Cases are recorded answers where there are some.

local json = require "navodoo.json"
local call = require "connector.call"
local nav = require "connector.nav.errors"
local oauth = require "connector.oauth"
local odoo = require "connector.odoo.errors"

local HERE <const> = debug.getinfo(1, "S").source:match "^@(.*)/[^/]*$" or "tests/stdlib"

local function data(name)
  local file <close> = assert(io.open(("%s/data/%s.json"):format(HERE, name)))
  return assert(json.decode(file:read "a"))
end

local ENDPOINT <const> = { name = "erp", user = "navodoo", company = "CRONUS", company_id = 3, database = "live",
                           token_url = "https://login" }
-- These are left to themselves: the engine asks again, or reads the record anew.
local NEEDS_NOBODY <const> = { transient = true, conflict = true, unknown = true, bug = true }
local CLASSES <const> = { transient = true, auth = true, conflict = true, dependency = true, invalid = true,
                          unknown = true, config = true, bug = true }

-- What classified which answer: the rules that were met.
local function watch(met, work)
  local plain = call.classify
  call.classify = function(rules, answer, write)
    local rule = plain(rules, answer, write)
    if rule then met[rule] = true end
    return rule
  end
  local ok, why = pcall(work)
  call.classify = plain
  if not ok then error(why, 0) end
end

local function of_nav(case, write)
  local body = case.code and assert(json.encode { error = { code = case.code, message = case.message or "" } })
    or case.message or ""
  return nav.of(ENDPOINT, "Customer", { status = case.http, headers = {}, body = body }, write)
end

local function of_odoo(case, write)
  local body = case.body
  local fault = type(body) == "table" and (body.error and body.error.data or body)
  if fault then return odoo.of_fault(ENDPOINT, "res.partner write", case.status, fault, write) end
  return odoo.of_page(ENDPOINT, "res.partner write", { status = case.status, headers = {}, body = body }, write)
end

-- What no recording shows: http status, code or name, words, class of a read, class of a write.
local NAV <const> = {
  { 403, "Authorization_Denied", "no", "config", "config" },
  { 403, nil, "<html>", "config", "config" }, { 407, nil, "", "config", "config" },
  { 401, nil, "", "auth", "auth" },
  { 400, "Internal_X", "You do not have the following permissions on TableData Customer: Read", "config", "config" },
  { 405, nil, "", "config", "config" },
  { 400, "Application_DialogException", "The record is locked by another user", "transient", "transient" },
  { 400, "Application_DialogException", "Other user has modified Customer.", "conflict", "conflict" },
  { 400, "Application_DialogException", "The Customer already exists. Identification fields and values: No.='1'",
    "conflict", "conflict" },
  { 400, "Application_DialogException", "The Blocked field cannot be changed because the user is blocked for "
    .. "privacy reasons.", "invalid", "invalid" },
  { 412, nil, "", "conflict", "conflict" }, { 409, nil, "", "conflict", "conflict" },
  { 500, "Internal_ServerError", "SQL is down", "transient", "transient" },
  { 501, nil, "", "bug", "bug" }, { 404, nil, "<html>nginx</html>", "config", "config" },
  { 400, nil, "<html>", "invalid", "invalid" }, { 413, nil, "", "invalid", "invalid" },
  { 302, nil, "", "config", "config" }, { 308, nil, "", "config", "config" },
  { 429, nil, "", "transient", "transient" }, { 503, nil, "", "transient", "transient" },
  { 408, nil, "", "transient", "unknown" }, { 500, nil, "<html>", "transient", "unknown" },
  { 502, nil, "<html>", "transient", "unknown" }, { 504, nil, "", "transient", "unknown" },
  { 520, nil, "<html>", "transient", "unknown" },
}

local ODOO <const> = {
  { 200, "odoo.exceptions.LockError", "x", "transient", "transient" },
  { 200, "psycopg2.errors.LockNotAvailable", "x", "transient", "transient" },
  { 200, "psycopg2.errors.DeadlockDetected", "x", "transient", "transient" },
  { 500, "psycopg2.OperationalError", "FATAL: the database system is starting up", "transient", "transient" },
  { 500, "psycopg2.pool.PoolError", "The Connection Pool Is Full", "transient", "transient" },
  { 200, "builtins.KeyError", "('a', 1)", "invalid", "invalid" },
  { 200, "builtins.ZeroDivisionError", "x", "invalid", "invalid" },
  { 200, nil, '{"jsonrpc": "2.0", "resu', "transient", "unknown" },
  { 200, nil, "<html>a portal</html>", "config", "unknown" }, { 308, nil, "", "config", "config" },
  { 400, nil, "", "bug", "bug" }, { 401, nil, "", "auth", "auth" }, { 403, nil, "", "config", "config" },
  { 404, nil, "<html>", "config", "config" }, { 405, nil, "", "bug", "bug" }, { 407, nil, "", "config", "config" },
  { 408, nil, "", "transient", "unknown" }, { 413, nil, "", "invalid", "invalid" },
  { 429, nil, "", "transient", "transient" }, { 503, nil, "", "transient", "transient" },
  { 500, nil, "<!doctype html>\n<html lang=en>\n<title>500 Internal Server Error</title>", "transient", "transient" },
  { 500, nil, '<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 3.2 Final//EN">', "transient", "unknown" },
  { 500, nil, "<html>", "transient", "unknown" }, { 502, nil, "<html>", "transient", "unknown" },
  { 504, nil, "<html>", "transient", "unknown" }, { 520, nil, "<html>", "transient", "unknown" },
}

-- A failure of the transport: code, words, whether anything was sent, class of a read, of a write.
local TRANSPORT <const> = {
  { "network", "Could not resolve host: nav", false, "transient", "transient" },
  { "network", "connection refused", false, "transient", "transient" },
  { "network", "connection reset", true, "transient", "unknown" },
  { "network", "the answer was cut short", true, "transient", "unknown" },
  { "timeout", "no answer before the deadline", true, "transient", "unknown" },
  { "timeout", "no free connection before the deadline", false, "transient", "transient" },
  { "tls", "certificate verify failed", false, "config", "config" },
  { "breaker_open", "does not answer; calls wait", false, "transient", "transient" },
  { "too_large", "more than 32 MiB", true, "config", "unknown" },
  { "cancelled", "cancelled", true, "transient", "unknown" },
  { "notfound", "no endpoint is named so", false, "config", "config" },
  { "invalid", "the path must be percent-encoded", false, "bug", "bug" },
  { "nomem", "out of memory", false, "transient", "transient" },
}

local OAUTH <const> = {
  { 400, "invalid_client" }, { 401, "invalid_client" }, { 403, "" }, { 404, "" }, { 429, "" },
  { 503, "temporarily_unavailable" }, { 500, "server_error" },
}

local function judge(err, class)
  expect(err.class):equals(class)
  expect(err.maybe_sent):equals(class == "unknown")
  expect(err.endpoint):equals "erp"
  expect(err.text:find "\n"):is_nil()
  expect(err.text:find("{", 1, true) and err.text:find "{%l+}"):is_nil()
end

local function complete(rules, met)
  for i, rule in ipairs(rules) do
    local name = ("row %d (%s %s %s)"):format(i, tostring(rule.http or rule.hundreds), tostring(rule.code),
      tostring(rule.text))
    expect(name .. " " .. tostring(met[rule])):equals(name .. " true")
    expect(name .. " " .. tostring(rule.from)):equals(name .. " " .. (rule.from or "?"))
    expect(name .. " " .. tostring(CLASSES[rule.class])):equals(name .. " true")
    if not NEEDS_NOBODY[rule.class] then
      expect(name .. " " .. tostring(rule.way_out ~= nil)):equals(name .. " true")
    end
  end
end

describe("failures of NAV", function()
  it("are met by every row of the table, and each says what to do", function()
    local met = {}
    watch(met, function()
      for _, recorded in ipairs(data "nav_wire/errors") do
        for _, write in ipairs { false, true } do
          local code = recorded.code ~= json.null and recorded.code or nil
          local err = of_nav({ http = recorded.http, code = code, message = recorded.message }, write)
          if err.class ~= "unknown" then expect(err.class):equals(recorded.class) end
        end
      end
      for _, c in ipairs(NAV) do
        judge(of_nav { http = c[1], code = c[2], message = c[3] }, c[4])
        judge(of_nav({ http = c[1], code = c[2], message = c[3] }, true), c[5])
      end
    end)
    complete(nav.rules, met)
  end)
end)

describe("failures of Odoo", function()
  it("are met by every row of the table, and each says what to do", function()
    local met = {}
    watch(met, function()
      for _, recorded in ipairs(data "odoo_wire/faults") do judge(of_odoo(recorded, true), recorded.class) end
      for _, c in ipairs(ODOO) do
        local case = { status = c[1], body = c[2] and { name = c[2], message = c[3] } or c[3] }
        judge(of_odoo(case, false), c[4])
        judge(of_odoo(case, true), c[5])
      end
    end)
    complete(odoo.rules, met)
  end)

  -- What each recorded fault of a whole version means: no two versions may differ but where Odoo does.
  local CLASS <const> = {
    ["many2one_no_such_id 14"] = "invalid", access_error_write_company = "config", unknown_model = "config",
    private_method = "bug", unknown_method = "bug", method_missing_argument = "bug", method_no_arguments = "bug",
    method_unknown_kwarg = "bug", bad_domain_shape = "bug", many2one_no_such_id = "conflict",
    missing_unlink_deleted = "conflict", missing_write_deleted = "conflict", unique_external_id = "conflict",
    missing_confirm_deleted_order = "conflict",
  }

  for _, version in ipairs { 14, 17, 19 } do
    it(("of version %d are refusals, and none is tried for ever"):format(version), function()
      local seen = 0
      for _, recorded in ipairs(data("odoo/faults_" .. version)) do
        if recorded.fault then
          seen = seen + 1
          local err = of_odoo({ status = 200, body = { name = recorded.fault[1], message = recorded.fault[2] } }, true)
          local class = CLASS[recorded.case .. " " .. version] or CLASS[recorded.case] or "invalid"
          expect(recorded.case .. " " .. err.class):equals(recorded.case .. " " .. class)
          expect(err.maybe_sent):is_false()
        end
      end
      expect(seen > 25):is_true()
    end)
  end

  it("in the messages of load are told apart", function()
    local met = {}
    watch(met, function()
      for text, class in pairs {
        ["could not serialize access due to concurrent update"] = "transient", ["deadlock detected"] = "transient",
        ["could not obtain lock on row"] = "transient", ["You are not allowed to create Contact"] = "config",
        ["Missing required value for the field 'Name' (name)"] = "invalid" } do
        expect(odoo.of_message(ENDPOINT, "res.partner x", { message = text, field = "name/id" }).class):equals(class)
      end
    end)
    complete(odoo.load_rules, met)
  end)
end)

describe("failures of the transport", function()
  it("are unknown for a write that may have been sent only", function()
    local met = {}
    watch(met, function()
      for _, c in ipairs(TRANSPORT) do
        local problem = { code = c[1], text = "erp (host:1): " .. c[2], maybe_sent = c[3] }
        local read = call.unanswered(ENDPOINT, { what = "Customer" }, problem)
        local write = call.unanswered(ENDPOINT, { what = "Customer", write = true }, problem)
        expect(c[2] .. " " .. read.class .. " " .. write.class):equals(c[2] .. " " .. c[4] .. " " .. c[5])
        expect(write.maybe_sent):equals(c[3])
        expect(read.endpoint):equals "erp"
        expect(read.text):matches "calling Customer; ."
      end
    end)
    complete(call.rules, met)
  end)
end)

describe("failures of a token endpoint", function()
  it("are met by every row", function()
    local met = {}
    watch(met, function()
      for _, c in ipairs(OAUTH) do call.classify(oauth.rules, { http = c[1], code = c[2], text = "" }) end
    end)
    complete(oauth.rules, met)
  end)
end)
