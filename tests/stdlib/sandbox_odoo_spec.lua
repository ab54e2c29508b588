--- The sandbox Odoo against what real servers answered: refusals in their words, values as they
--- come back, load, protocols, logins. Recorded cases are in data/odoo; ids in them are names in
--- braces: {P} a partner, {G} one that is gone, {N} the next to be made.

local decimal = require "navodoo.decimal"
local instant = require "sandbox.odoo.instant"
local json = require "navodoo.json"
local odoo = require "sandbox.odoo"

local HERE <const> = debug.getinfo(1, "S").source:match "^@(.*)/[^/]*$" or "tests/stdlib"
local START <const> = 1767700000000000
local VERSIONS <const> = { 14, 17, 18, 19 }
local RECORDED <const> = { 14, 17, 19 }

local function recorded(name)
  local file <close> = assert(io.open(("%s/data/odoo/%s.json"):format(HERE, name)))
  return assert(json.decode(file:read "a"))
end

local function list(...) return json.array { ... } end

-- A server with its clock and the calls an integrator makes.
local Server = {}
Server.__index = Server

local function server(version, options)
  options = options or {}
  options.version = version
  local s = setmetatable({ state = odoo.new(options), now = START }, Server)
  s.clock = { now = function() return s.now end }
  return s
end

function Server:request(method, path, body, headers)
  self.now = self.now + 1234
  return odoo.handle({ method = method, path = path, body = body, remote = self.remote,
    headers = headers or { ["content-type"] = "application/json" } }, self.state, self.clock)
end

function Server:json(path, params, headers)
  local r = self:request("POST", path, json.encode { jsonrpc = "2.0", id = 7, params = params }, headers)
  return json.decode(r.body), r
end

function Server:service(service, method, ...)
  return self:json("/jsonrpc", { service = service, method = method, args = list(...) })
end

-- The result, or nil and the error's data. None is json.null.
function Server:try(model, method, args, named, password)
  local a = self:service("object", "execute_kw", "sandbox", self.uid or self.state.config.uid,
    password or "sandbox", model, method, args, named or {})
  if a.error then return nil, a.error.data end
  if a.result == nil then return json.null end
  return a.result
end

function Server:call(model, method, ...)
  local result, fault = self:try(model, method, ...)
  if fault then error(fault.name .. ": " .. fault.message, 2) end
  return result
end

function Server:create(vals) return self:call("res.partner", "create", list(vals)) end
function Server:read(id, ...)
  return self:call("res.partner", "read", list(list(id), list(...)))[1]
end
function Server:write(id, vals)
  return self:call("res.partner", "write", list(list(id), vals))
end
function Server:search(domain, named)
  return self:call("res.partner", "search", list(domain), named)
end

local function each(versions, fn)
  for _, v in ipairs(versions) do
    describe(tostring(v), function() fn(v) end)
  end
end

-- Puts numbers in the place of {P}, {G}, {N}.
local function filled(v, names)
  if type(v) == "string" then
    if names[v] then return names[v] end
    return (v:gsub("{%u}", function(k) return tostring(names[k]) end))
  elseif type(v) ~= "table" then
    return v
  end
  local out = json.is_array(v) and json.array {} or {}
  for k, x in pairs(v) do out[k] = filled(x, names) end
  return out
end

describe("a recorded refusal or silence", function()
  each(RECORDED, function(version)
    for _, case in ipairs(recorded("faults_" .. version)) do
      it(case.case, function()
        local s = server(version, { companies = 2, user_companies = 1, user = "integration",
          deny = case.case:find "^access_error_w" and { { "res.company", "write" } } or nil })
        local tag = s:call("res.partner.category", "create", list { name = "x" })
        local p = s:create { name = "P", is_company = false }
        local g = s:create { name = "G" }
        s:call("res.partner", "unlink", list(list(g)))
        local names = { ["{P}"] = p, ["{G}"] = g, ["{N}"] = g + 1, ["{T}"] = tag }
        local before = case.case:gsub("__read_after$", "")
        for _, other in ipairs(recorded("faults_" .. version)) do
          if before ~= case.case and other.case == before then
            if before == "wrong_type_many2one_text" and version == 14 then
              s:write(p, { country_id = 233 })
            end
            s:try(table.unpack(filled(other.call, names)))
          end
        end
        local result, fault = s:try(table.unpack(filled(case.call, names)))
        if case.fault then
          expect(fault and fault.name):equals(case.fault[1])
          expect(fault.message):equals(filled(case.fault[2], names))
          expect(fault.debug:sub(1, 34)):equals("Traceback (most recent call last):")
        else
          expect(result):equals(filled(case.result, names))
        end
      end)
    end
  end)
end)

describe("load", function()
  each(RECORDED, function(version)
    it("answers as recorded", function()
      local s = server(version)
      local ids = {}
      for _, case in ipairs(recorded("load_" .. version)) do
        if case.case == "ir_model_data_create_duplicate" then
          s:call("ir.model.data", "create", case.call[3])
        end
        local result, fault = s:try(table.unpack(case.call))
        if case.case == "load_good" then ids[1], ids[2] = result.ids[1], result.ids[2] end
        if case.fault then
          expect(fault.name):equals(case.fault[1])
          expect(fault.message):equals(case.fault[2])
        elseif case.case == "load_good" then
          expect(result.messages):equals(list())
          expect(ids[2]):equals(ids[1] + 1)
        elseif case.case == "load_update_and_create" then
          expect(result.ids):equals(list(ids[1], ids[2] + 1))
        elseif case.case == "ir_model_data_read" then
          expect(#result):equals(2)
          expect(result[1].complete_name):equals("nav_mig.customer_1001")
          expect(result[1].reference):equals("res.partner," .. ids[1])
        else
          expect(result):equals(case.result)
        end
      end
    end)
  end)

  each(VERSIONS, function(version)
    local columns = list("id", "name", "country_id/id", "ref", "credit_limit", "active")

    it("upserts by external id and clears a field by a blank cell", function()
      local s = server(version)
      local first = s:call("res.partner", "load", list(columns,
        list(list("navodoo.c_1", "Müller", "base.de", "10", "12.50", "1"))))
      local again = s:call("res.partner", "load", list(columns,
        list(list("navodoo.c_1", "Müller GmbH", "", "10", "", "False"))))
      expect(again.ids):equals(first.ids)
      local row = s:read(first.ids[1], "name", "country_id", "credit_limit", "active")
      expect(row.name):equals("Müller GmbH")
      expect(row.country_id):is_false()
      expect(row.credit_limit):equals(decimal.new "0.0")
      expect(row.active):is_false()
    end)

    it("writes two rows of one external id in their order", function()
      local s = server(version)
      local r = s:call("res.partner", "load", list(list("id", "name"),
        list(list("navodoo.d", "one"), list("navodoo.d", "two"))))
      expect(r.ids[1]):equals(r.ids[2])
      expect(s:read(r.ids[1], "name").name):equals("two")
    end)

    it("names every bad row and keeps nothing", function()
      local s = server(version)
      local before = s:call("res.partner", "search_count", list(list()))
      local r = s:call("res.partner", "load", list(list("id", "name", "type", "color"), list(
        list("navodoo.a", "good", "Contact", "1"), list("navodoo.b", "bad", "nonsense", "x"),
        list("navodoo.c", "", "contact", ""))))
      expect(r.ids):is_false()
      expect(#r.messages):equals(3)
      local by = {}
      for _, m in ipairs(r.messages) do by[m.field or "name"] = m end
      expect(by.type.message):equals("Value 'nonsense' not found in selection field 'Address Type'")
      expect(by.type.moreinfo[1]):equals("Contact")
      expect(by.color.message):equals("'x' does not seem to be an integer for field 'Color Index'")
      expect(by.name.record):equals(2)
      expect(by.name.rows):equals { from = 2, to = 2 }
      expect(s:call("res.partner", "search_count", list(list()))):equals(before)
      expect(s:call("ir.model.data", "search_count", list(list(list("module", "=", "navodoo")))))
        :equals(0)
    end)

    it("lets a row refer to an earlier one", function()
      local s = server(version)
      local r = s:call("res.partner", "load", list(list("id", "name", "parent_id/id"), list(
        list("navodoo.p", "Firm", ""), list("navodoo.k", "Kid", "navodoo.p"))))
      expect(s:read(r.ids[2], "parent_id").parent_id[1]):equals(r.ids[1])
    end)

    it("refuses an external id of another model", function()
      local s = server(version)
      local r = s:call("res.partner", "load", list(list("id", "name"),
        list(list("base.hu", "x"))))
      expect(r.ids):is_false()
      expect(r.messages[1].message):matches("^For external id base.hu when trying to create/update "
        .. "a record of model res.partner found record of different model res.country")
    end)

    it("puts one2many rows under their record", function()
      local s = server(version)
      local r = s:call("res.partner", "load", list(
        list("id", "name", "child_ids/id", "child_ids/name"), list(
          list("navodoo.f", "Firm", "navodoo.f_1", "A"), list("", "", "navodoo.f_2", "B"))))
      expect(#r.ids):equals(1)
      local kids = s:read(r.ids[1], "child_ids").child_ids
      expect(#kids):equals(2)
      expect(s:call("res.partner", "get_external_id", list(kids))[tostring(kids[1])])
        :equals("navodoo.f_1")
    end)
  end)
end)

describe("values", function()
  each(VERSIONS, function(version)
    it("reads what was created, empty as false, '' as ''", function()
      local s = server(version)
      local id = s:create { name = "Capture One", is_company = true, country_id = 233,
        email = "one@example.test", vat = false, phone = "", street = json.null,
        comment = "<p>Hello <b>x</b> & y</p>" }
      local row = s:read(id, "name", "vat", "phone", "street", "comment", "parent_id", "lang",
        "country_id", "display_name", "email_normalized")
      expect(row.vat):is_false()
      expect(row.phone):equals("")
      expect(row.street):is_false()
      expect(row.lang):equals("en_US")
      expect(row.country_id):equals(list(233, "United States"))
      expect(row.display_name):equals("Capture One")
      expect(row.comment):equals(version == 14 and "<p>Hello <b>x</b> & y</p>"
        or "<p>Hello <b>x</b> &amp; y</p>")
    end)

    it("wraps and cleans html since 17", function()
      local s = server(version)
      local id = s:create { name = "x", comment = "tab\tnewline\nctrl\1end" }
      expect(s:read(id, "comment").comment):equals(version == 14 and "tab\tnewline\nctrl\1end"
        or "<p>tab\tnewline\nctrlend</p>")
    end)

    it("gives bare ids with load = null", function()
      local s = server(version)
      local id = s:create { name = "x", country_id = 99 }
      local row = s:call("res.partner", "read", list(list(id), list("country_id")),
        { load = json.null })[1]
      expect(row.country_id):equals(99)
      local rows, fault = s:try("res.partner", "search_read", list(list(list("id", "=", id))),
        { fields = list("country_id"), load = false })
      if version == 14 then
        expect(fault.message):equals("search_read() got an unexpected keyword argument 'load'")
      else
        expect(rows[1].country_id):equals(99)
      end
    end)

    it("keeps floats as they are and rounds where the field says so", function()
      local s = server(version)
      local id = s:create { name = "x", credit_limit = decimal.new "12.345",
        partner_latitude = decimal.new "48.12345678" }
      local row = s:read(id, "credit_limit", "partner_latitude")
      expect(row.credit_limit):equals(decimal.new "12.345")
      expect(row.partner_latitude):equals(decimal.new(version == 14 and "48.12346" or "48.1234568"))
    end)

    it("adds a scheme to a website", function()
      local s = server(version)
      local id = s:create { name = "x", website = "www.firma.example" }
      expect(s:read(id, "website").website):equals("http://www.firma.example")
    end)

    it("names a contact after its company and gives it the company's address and VAT number",
      function()
        local s = server(version)
        local firm = s:create { name = "Firm", is_company = true, city = "Bonn", vat = "DE1" }
        local kid = s:create { name = "Kid", parent_id = firm }
        local row = s:read(kid, "display_name", "city", "vat")
        expect(row.display_name):equals("Firm, Kid")
        expect(row.city):equals("Bonn")
        expect(row.vat):equals("DE1")
        s:write(firm, { name = "Firm AG", city = "Köln", vat = "DE2" })
        row = s:read(kid, "display_name", "city", "vat")
        expect(row.display_name):equals("Firm AG, Kid")
        expect(row.city):equals("Köln")
        expect(row.vat):equals("DE2")
      end)

    it("keeps nothing of a list with one bad row", function()
      local s = server(version)
      local _, fault = s:try("res.partner", "create", list(list({ name = "ATOM 1" },
        { name = "ATOM 2", no_such = 1 })))
      expect(fault.name):equals("builtins.ValueError")
      expect(#s:search(list(list("name", "like", "ATOM")))):equals(0)
    end)

    it("has the fields of its version", function()
      local s = server(version)
      local fields = s:call("res.partner", "fields_get", list())
      expect(fields.mobile ~= nil):equals(version < 19)
      expect(fields.complete_name ~= nil):equals(version >= 17)
      expect(fields.__last_update ~= nil):equals(version == 14)
      expect(fields.comment.type):equals(version == 14 and "text" or "html")
      expect(fields.credit_limit.company_dependent):equals(version >= 17)
      expect(fields.name.required):is_false()
      expect(fields.country_id.relation):equals("res.country")
      expect(fields.lang.selection):equals(list(list("en_US", "English (US)"),
        list("hu_HU", "Hungarian / Magyar")))
    end)
  end)
end)

describe("time", function()
  each(VERSIONS, function(version)
    it("shows whole seconds and compares as its version does", function()
      local s = server(version)
      local id = s:create { name = "x" }
      local seen = s:read(id, "write_date").write_date
      expect(seen):matches("^2026%-01%-06 %d%d:%d%d:%d%d$")
      local own = list("id", "=", id)
      expect(#s:search(list(own, list("write_date", ">", seen)))):equals(version < 19 and 1 or 0)
      expect(#s:search(list(own, list("write_date", ">=", seen)))):equals(1)
      local _, fault = s:try("res.partner", "search",
        list(list(list("write_date", ">", "2026-01-01T00:00:00Z"))))
      expect(fault and fault.message):equals(version == 19
        and "expecting only datetimes with no timezone: '2026-01-01T00:00:00Z'" or nil)
    end)

    it("stamps each call with a time of its own, also in one second", function()
      local s = server(version)
      local a, b = s:create { name = "a" }, s:create { name = "b" }
      s.now = s.now - 5000
      s:write(a, { ref = "later" })
      expect(s:search(list(list("id", "in", list(a, b))), { order = "write_date, id" }))
        :equals(list(b, a))
    end)
  end)

  it("refuses other forms in Python's words", function()
    local function refused(value)
      local _, err = pcall(instant.datetime, value)
      return err.message
    end
    local full = " does not match format '%Y-%m-%d %H:%M:%S'"
    expect(instant.text(instant.datetime "2026-03-04 05:06:07")):equals("2026-03-04 05:06:07")
    expect(instant.text(instant.datetime "2026-03-04")):equals("2026-03-04 00:00:00")
    expect(refused "2026-03-04T05:06:07Z"):equals("time data '2026-03-04T05:06:07Z'" .. full)
    expect(refused "2026-03-04T05:06:07+02:00"):equals("time data '2026-03-04T05:06:07+02:00'" .. full)
    expect(refused "2026-03-04 05:06:07.123"):equals("unconverted data remains: .123")
    expect(refused "tomorrow"):equals("time data 'tomorrow' does not match format '%Y-%m-'")
    expect(refused(1772600000)):equals("object of type 'int' has no len()")
    expect(instant.date "2026-03-04T23:59:59Z"):equals("2026-03-04")
    local _, err = pcall(instant.date, "04/03/2026")
    expect(err.message):equals("time data '04/03/2026' does not match format '%Y-%m-%d'")
  end)
end)

describe("search", function()
  each(VERSIONS, function(version)
    local s = server(version)
    local de = s:create { name = "Bär GmbH", is_company = true, country_id = 57, ref = "K1",
      customer_rank = 1, email = "Info@Baer.example" }
    local us = s:create { name = "azure", is_company = true, country_id = 233, ref = "K2" }
    local old = s:create { name = "Old", active = false, ref = "K3" }
    local kid = s:create { name = "Kid", parent_id = de, ref = "K4" }
    local K = list("ref", "=like", "K%")
    local function found(...) return s:search(list(K, ...), { order = "id" }) end

    it("knows prefix notation, dotted paths and negation", function()
      expect(found("|", list("country_id.code", "=", "US"), list("ref", "=", "K1")))
        :equals(list(de, us))
      expect(found("!", list("country_id", "=", 57))):equals(list(us))
      expect(found(list("country_id", "=", "Germany"))):equals(list(de, kid))
      expect(found(list("country_id", "!=", false), "&", list("is_company", "=", true),
        list("ref", "!=", "K2"))):equals(list(de))
      expect(found(list("parent_id.name", "ilike", "bär"))):equals(list(kid))
      expect(found(list("child_ids.ref", "=", "K4"))):equals(list(de))
      expect(found(list("id", "child_of", de))):equals(list(de, kid))
      expect(found(list("id", "parent_of", kid))):equals(list(de, kid))
      expect(found(list("parent_id", "child_of", de))):equals(list(kid))
    end)

    it("folds case in ilike, keeps it in like, and takes % and _ as they are", function()
      expect(found(list("name", "ilike", "BÄR"))):equals(list(de))
      expect(found(list("name", "like", "BÄR"))):equals(list())
      expect(found(list("email", "=ilike", "info@baer.example"))):equals(list(de))
      expect(found(list("name", "=like", "B_r%"))):equals(list(de))
    end)

    it("hides archived records unless asked", function()
      expect(found()):equals(list(de, us, kid))
      expect(s:search(list(K), { order = "id", context = { active_test = false } }))
        :equals(list(de, us, old, kid))
      expect(found(list("active", "in", list(true, false)))):equals(list(de, us, old, kid))
    end)

    it("orders by bytes, NULL last, and pages", function()
      expect(s:search(list(K), { order = "name" })):equals(list(de, kid, us))
      expect(s:search(list(K), { order = "id desc", limit = 1, offset = 1 })):equals(list(us))
      expect(s:search(list(K), { order = "email, id" })[1]):equals(de)
    end)

    it("finds by name", function()
      expect(s:call("res.country", "name_search", list("HU"))):equals(list(list(99, "Hungary")))
      expect(s:call("res.partner", "name_search", list("K2"), { limit = 3 }))
        :equals(list(list(us, "azure")))
    end)
  end)
end)

describe("rights", function()
  each(VERSIONS, function(version)
    it("refuse companies that are not the user's", function()
      local s = server(version)
      local _, fault = s:try("res.partner", "search_read", list(list()),
        { context = { allowed_company_ids = list(99) } })
      expect(fault.name):equals("odoo.exceptions.AccessError")
      expect(fault.message):equals("Access to unauthorized or invalid companies.")
      expect(s:try("res.partner", "search", list(list(list("id", "=", 1))),
        { context = { allowed_company_ids = list(1) } })):equals(list(1))
    end)

    it("are named by the groups that have them", function()
      local s = server(version, { deny = { { "res.company", "write" }, { "res.partner", "create" } } })
      local _, fault = s:try("res.company", "write", list(list(1), { name = "x" }))
      expect(fault.message):equals("You are not allowed to modify 'Companies' (res.company) records."
        .. "\n\nThis operation is allowed for the following groups:\n\t- "
        .. (version == 19 and "Access Rights" or "Administration/Access Rights")
        .. "\n\nContact your administrator to request access if necessary.")
      _, fault = s:try("res.partner", "create", list { name = "x" })
      expect(fault.name):equals("odoo.exceptions.AccessError")
    end)

    it("hide records of companies that are not asked for", function()
      local s = server(version, { companies = 2 })
      local id = s:create { name = "mine", company_id = 2 }
      expect(#s:search(list(list("id", "=", id)))):equals(1)
      local one = { context = { allowed_company_ids = list(1) } }
      expect(#s:search(list(list("id", "=", id)), one)):equals(0)
      local _, fault = s:try("res.partner", "read", list(list(id), list("name")), one)
      expect(fault.name):equals("odoo.exceptions.AccessError")
    end)

    it("keep one value per company where the field says so", function()
      if version < 17 then return end
      local s = server(version, { companies = 2 })
      local id = s:create { name = "x" }
      local two = { context = { allowed_company_ids = list(2) } }
      s:call("res.partner", "write", list(list(id), { credit_limit = 5 }), two)
      expect(s:read(id, "credit_limit").credit_limit):equals(decimal.new "0.0")
      expect(s:call("res.partner", "read", list(list(id), list("credit_limit")), two)[1].credit_limit)
        :equals(decimal.new "5.0")
    end)
  end)
end)

describe("logging in", function()
  each(VERSIONS, function(version)
    it("answers uid or false, and takes the API key for the password", function()
      local s = server(version)
      local uid = s.state.config.uid
      expect(s:service("common", "login", "sandbox", "navodoo@example.com", "sandbox").result):equals(uid)
      expect(s:service("common", "authenticate", "sandbox", "navodoo@example.com", "wrong", {}).result)
        :is_false()
      expect(s:service("common", "login", "sandbox", "navodoo@example.com", odoo.api_key(s.state))
        .result):equals(uid)
      local _, fault = s:try("res.partner", "search_count", list(list()), {}, "wrong")
      expect(fault.name):equals("odoo.exceptions.AccessDenied")
      expect(fault.message):equals("Access Denied")
      local a = s:service("common", "login", "no_such_db", "x", "y")
      expect(a.error.data.name):equals("psycopg2.OperationalError")
      expect(a.error.data.message):matches('FATAL:  database "no_such_db" does not exist\n$')
      expect(a.error.code):equals(version == 19 and 0 or 200)
    end)

    it("waits a minute after ten wrong tries, at the doors that its version counts", function()
      local s = server(version)
      for _ = 1, 10 do s:service("common", "login", "sandbox", "navodoo@example.com", "wrong") end
      local good = s:service("common", "login", "sandbox", "navodoo@example.com", "sandbox").result
      expect(good ~= false):equals(version ~= 14)
      local _, fault = s:try("res.partner", "search_count", list(list()))
      expect(fault and fault.message):equals(version == 14
        and "Too many login failures, please wait a bit before trying again." or nil)
      s.now = s.now + 61000000
      expect(s:service("common", "login", "sandbox", "navodoo@example.com", "sandbox").result)
        :equals(s.state.config.uid)
      for _ = 1, 10 do
        s:json("/web/session/authenticate", { db = "sandbox", login = "navodoo@example.com",
          password = "wrong" })
      end
      local a = s:json("/web/session/authenticate", { db = "sandbox",
        login = "navodoo@example.com", password = "sandbox" })
      expect(a.error.data.message):matches("^Too many login failures")
      s.remote = "10.0.0.9"
      a = s:json("/web/session/authenticate", { db = "sandbox", login = "navodoo@example.com",
        password = "sandbox" })
      expect(a.result.uid):equals(s.state.config.uid)
    end)

    it("keeps a session by its cookie until it is destroyed", function()
      local s = server(version)
      local a, r = s:json("/web/session/authenticate", { db = "sandbox",
        login = "navodoo@example.com", password = "sandbox" })
      expect(a.result.username):equals("navodoo@example.com")
      local sid = r.headers["Set-Cookie"]:match "session_id=([^;]+)"
      expect(#sid):equals(version == 19 and 84 or 40)
      local with = { ["content-type"] = "application/json", cookie = "x=1; session_id=" .. sid }
      local path = "/web/dataset/call_kw/res.partner/search_count"
      local params = { model = "res.partner", method = "search_count", args = list(list()), kwargs = {} }
      expect(math.type(s:json(path, params, with).result)):equals("integer")
      local gone = s:json("/web/session/destroy", {}, with)
      expect(gone.result):is_nil()
      expect(gone.error):is_nil()
      local lost = s:json(path, params, with)
      expect(lost.error.code):equals(100)
      expect(lost.error.data.name):equals("odoo.http.SessionExpiredException")
      expect(lost.id):equals(version == 14 and 7 or json.null)
    end)
  end)
end)

describe("a protocol case as recorded", function()
  each(RECORDED, function(version)
    local s = server(version)
    for _, case in ipairs(recorded("protocol_" .. version)) do
      it(case.case, function()
        local r = s:request(case.method, case.path, case.body,
          { ["content-type"] = case.type ~= json.null and case.type or nil })
        expect(r.status):equals(case.status)
        expect(r.headers["Content-Type"]):equals(case.answer_type)
        if type(case.answer) == "string" then
          expect(r.body):equals(case.answer)
        elseif case.answer ~= json.null then
          local body = json.decode(r.body)
          if body.error then body.error.data.debug = nil end
          expect(body):equals(case.answer)
        end
      end)
    end
  end)

  it("None is neither result nor error over JSON-RPC, and a fault after the work over XML-RPC",
    function()
      local s = server(17)
      local id = s:create { name = "x" }
      expect(s:call("res.partner", "action_archive", list(list(id)))):equals(json.null)
      s:write(id, { active = true })
      local r = s:request("POST", "/xmlrpc/2/object", ("<methodCall><methodName>execute_kw</methodName>"
        .. "<params><param><value>sandbox</value></param><param><value><int>%d</int></value></param>"
        .. "<param><value>sandbox</value></param><param><value>res.partner</value></param><param>"
        .. "<value>action_archive</value></param><param><value><array><data><value><int>%d</int>"
        .. "</value></data></array></value></param></params></methodCall>"):format(s.state.config.uid, id),
        { ["content-type"] = "text/xml" })
      expect(r.body):matches("<int>1</int>")
      expect(r.body):matches("cannot marshal None unless allow_none is enabled")
      expect(s:read(id, "active").active):is_false()
    end)

  it("14 escapes what is not ASCII, later ones do not", function()
    for _, v in ipairs(VERSIONS) do
      local s = server(v)
      local id = s:create { name = "Árvíztűrő — 日本語 😀" }
      local _, r = s:service("object", "execute_kw", "sandbox", s.state.config.uid, "sandbox",
        "res.partner", "read", list(list(id), list("name")))
      expect(r.body:find("[\x80-\xFF]") == nil):equals(v == 14)
      expect(s:read(id, "name").name):equals("Árvíztűrő — 日本語 😀")
    end
  end)
end)

describe("JSON-2", function()
  local s = server(19, { database = "odoo_test" })
  for _, case in ipairs(recorded "json2_19") do
    it(case.case, function()
      local key = case.key == "good" and odoo.api_key(s.state) or ("0"):rep(40)
      local headers = { ["content-type"] = case.type,
        ["x-odoo-database"] = case.db ~= json.null and case.db or nil,
        authorization = case.key ~= json.null and "bearer " .. key or nil }
      local body = case.body:gsub("1049", "999999")
      local r = s:request(case.method, case.path, body, headers)
      expect(r.status):equals(case.status)
      if type(case.answer) == "string" then
        expect(r.body):equals(case.answer)
        return
      end
      local answer = json.decode(r.body)
      if type(answer) == "table" then answer.debug, answer.context = nil, nil end
      local wanted = json.decode((json.encode(case.answer):gsub("1049", "999999")))
      expect(answer):equals(wanted)
    end)
  end

  it("creates lists, reads, writes and deletes by ids", function()
    local headers = { ["content-type"] = "application/json",
      authorization = "Bearer " .. odoo.api_key(s.state) }
    local function call(method, params)
      local r = s:request("POST", "/json/2/res.partner/" .. method, json.encode(params), headers)
      return json.decode(r.body), r.status
    end
    local ids = call("create", { vals_list = { name = "J2" } })
    expect(#ids):equals(1)
    expect(call("write", { ids = ids, vals = { ref = "J2" } })):is_true()
    expect(call("search", { domain = list(list("ref", "=", "J2")) })):equals(ids)
    expect(call("read", { ids = ids, fields = list("name", "country_id"), load = json.null }))
      :equals(list { id = ids[1], name = "J2", country_id = false })
    expect(call("unlink", { ids = ids })):is_true()
    expect(call("read", { ids = ids, fields = list("name") })):equals(list())
    local answer, status = call("write", { ids = ids, vals = { ref = "x" } })
    expect(status):equals(404)
    expect(answer.name):equals("odoo.exceptions.MissingError")
    expect(select(2, call("create", { vals_list = list { email = "x@y.z" } }))):equals(422)
  end)
end)

describe("methods", function()
  each(VERSIONS, function(version)
    it("come and go with the version", function()
      local s = server(version)
      local id = s:create { name = "Capture One" }
      local function name_of(model, method, args)
        local result, fault = s:try(model, method, args)
        return fault and fault.name or result
      end
      expect(name_of("res.partner", "name_get", list(list(id)))):equals(version < 18
        and list(list(id, "Capture One")) or "builtins.AttributeError")
      expect(name_of("res.partner", "exists", list(list(id, 999999)))):equals(version < 19
        and list(id) or "odoo.exceptions.AccessError")
      expect(name_of("res.partner", "has_access", list(list(), "write"))):equals(version >= 18
        or "builtins.AttributeError")
      expect(name_of("ir.model.data", "xmlid_to_res_id", list("base.hu"))):equals(version == 14
        and 99 or "builtins.AttributeError")
      expect(s:call("ir.model.data", "check_object_reference", list("base", "hu")))
        :equals(list("res.country", 99))
      expect(s:call("res.partner", "check_access_rights", list("write"),
        { raise_exception = false })):is_true()
      local copy = s:call("res.partner", "copy", list(list(id)))
      expect(json.is_array(copy)):equals(version >= 18)
      expect(s:call("res.partner", "get_external_id", list(list(1, id))))
        :equals { ["1"] = "base.main_partner", [tostring(id)] = "" }
      expect(s:call("res.partner", "default_get", list(list("type", "lang", "company_type",
        "is_company")))):equals { type = "contact", lang = "en_US", is_company = false }
    end)

    it("follow the language of the context", function()
      local s = server(version)
      local function hungary(lang)
        local rows, fault = s:try("res.country", "search_read", list(list(list("code", "=", "HU"))),
          { fields = list("name"), context = { lang = lang } })
        return fault and fault.message or rows[1].name
      end
      expect(hungary "hu_HU"):equals("Magyarország")
      expect(hungary "en_US"):equals("Hungary")
      expect(hungary "xx_XX"):equals(version >= 18 and "Invalid language code: xx_XX" or "Hungary")
    end)

    it("drop external ids with their record", function()
      local s = server(version)
      local r = s:call("res.partner", "load", list(list("id", "name"), list(list("navodoo.x", "x"))))
      s:call("res.partner", "unlink", list(r.ids))
      expect(s:call("ir.model.data", "search_count", list(list(list("module", "=", "navodoo")))))
        :equals(0)
    end)
  end)
end)

describe("the state", function()
  each(VERSIONS, function(version)
    it("survives being saved as JSON, and goes on the same", function()
      local s = server(version, { partners = 6 })
      s:create { name = "x", credit_limit = decimal.new "0.1", country_id = 57 }
      local text = json.encode(odoo.save(s.state))
      local copy = odoo.restore(json.decode(text))
      expect(json.encode(odoo.dump(copy, "res.partner")))
        :equals(json.encode(odoo.dump(s.state, "res.partner")))
      expect(json.encode(odoo.dump(copy, "res.country")))
        :equals(json.encode(odoo.dump(s.state, "res.country")))
      s.state = copy
      expect(math.type(s:create { name = "y" })):equals("integer")
    end)

    it("counts calls, and changes only of calls that succeed", function()
      local s = server(version)
      s:create { name = "x" }
      s:try("res.partner", "create", list { email = "x@y.z" })
      local stats = odoo.stats(s.state)
      expect(stats.calls["res.partner.create"]):equals(2)
      expect(stats.creates["res.partner"]):equals(1)
    end)
  end)

  it("has the partners that were there before: the other side's customers and vendors", function()
    local s = server(19, { partners = 20, customers = 30, vendors = 30 })
    local rows = odoo.dump(s.state, "res.partner")
    expect(#rows):equals(27)
    expect(rows[8].is_company):is_true()
    expect(rows[8].customer_rank .. " " .. rows[8].supplier_rank):equals "1 0"
    expect(rows[11].customer_rank .. " " .. rows[11].supplier_rank):equals "0 1" -- the fourth: a vendor
    expect(rows[12].customer_rank .. " " .. rows[12].supplier_rank):equals "1 1" -- the fifth: both
    expect(json.encode(odoo.dump(server(19, { partners = 20, customers = 30, vendors = 30 }).state, "res.partner")))
      :equals(json.encode(rows))
  end)

  it("loads ten thousand partners in seconds", function()
    local s = server(19)
    local columns = list("id", "name", "ref", "street", "city", "zip", "country_id/id", "email",
      "phone", "vat", "customer_rank", "is_company", "credit_limit", "active")
    local clock = os.clock()
    for batch = 0, 49 do
      local rows = list()
      for i = 1, 200 do
        local n = batch * 200 + i
        rows[i] = list("navodoo.c_" .. n, "Firm " .. n, "C" .. n, "Street " .. n, "Town", "12345",
          "base.de", "m" .. n .. "@x.example", "+49 1", "DE" .. n, "1", "True", "10.50", "True")
      end
      expect(#s:call("res.partner", "load", list(columns, rows)).ids):equals(200)
    end
    expect(s:call("res.partner", "search_count", list(list(list("ref", "=like", "C%"))))):equals(10000)
    expect(os.clock() - clock < 30):is_true()
  end)
end)
