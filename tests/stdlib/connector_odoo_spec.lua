--- The Odoo connector against recorded answers: protocols, logins, values, load, faults.

local cache = require "navodoo.cache"
local decimal = require "navodoo.decimal"
local json = require "navodoo.json"
local task = require "navodoo.task"
local time = require "navodoo.time"
local call = require "connector.call"
local connector = require "connector"
local errors = require "connector.odoo.errors"
local loading = require "connector.odoo.load"
local scanning = require "connector.odoo.scan"
local schemas = require "connector.odoo.schema"
local values = require "connector.odoo.values"
local people = require "sandbox.people"

call.TRIES = 1 -- each answer of a test is for one call

local HERE <const> = debug.getinfo(1, "S").source:match "^@(.*)/[^/]*$" or "tests/stdlib"

local function data(name)
  local file <close> = assert(io.open(("%s/data/odoo_wire/%s.json"):format(HERE, name)))
  return assert(json.decode(file:read "a"))
end

local FAULTS <const>, LOAD <const>, CALLS <const> = data "faults", data "load", data "calls"
local FIELDS <const> = data "fields"

local function answer(recorded)
  local body = recorded.body
  return { status = recorded.status, headers = {},
           body = type(body) == "string" and body or assert(json.encode(body)) }
end

local function result(v) return answer { status = 200, body = { jsonrpc = "2.0", id = 1, result = v } } end

local LOST <const> = { failed = { code = "network", text = "odoo (host:8069): connection reset", maybe_sent = true } }

--- Which canned answer a request gets; what is not given is the answer of a plain Odoo 17.
local function route(request, answers)
  local body = request.body and assert(json.decode(request.body)) or {}
  local args = body.params and body.params.args
  local name = body.params and (body.params.service == "common" and body.params.method or args[5])
    or request.path:match "[^/]*$"
  local given = answers[name]
  if type(given) == "function" then given = given(body, request) end
  if type(given) == "table" and given[1] then given = table.remove(given, 1) end
  if given then return given end
  if name == "version" then return answer(request.path == "/jsonrpc" and CALLS.version_17 or CALLS.web_version) end
  if name == "authenticate" then return answer(CALLS.login_good) end
  if name == "fields_get" then
    return request.path == "/jsonrpc" and result(FIELDS["19.0"]) or answer { status = 200, body = FIELDS["19.0"] }
  end
  error("no answer for " .. name)
end

local function open(answers, settings)
  local endpoint = { name = "odoo", kind = "odoo", database = "odoo_test", user = "integration",
                     secret = "nvsec:0123:" }
  for k, v in pairs(settings or {}) do endpoint[k] = v end
  cache.drop("endpoint:odoo")
  cache.drop("login") -- a refused login would stop the next test's endpoint
  local log = { reported = {}, requests = {} }
  call.request = function(request)
    log.requests[#log.requests + 1] = request
    local given = route(request, answers or {})
    if given.failed then return nil, given.failed end
    return given
  end
  call.report = function(_, verdict) log.reported[#log.reported + 1] = verdict end
  --- The last request's body, decoded.
  function log.last() return json.decode(log.requests[#log.requests].body) end
  function log.paths()
    local paths = {}
    for i, r in ipairs(log.requests) do
      local body = r.body and json.decode(r.body)
      local params = body and body.params
      paths[i] = params and (params.service == "common" and params.method or params.args[5]) or r.path
    end
    return table.concat(paths, " ")
  end
  return connector.open(endpoint), log
end

describe("connector.odoo version and protocol", function()
  it("asks the server once and takes JSON-RPC before 19", function()
    local conn, log = open { search_count = result(3), version = answer(CALLS.version_14) }
    expect(conn:version()):equals(14)
    expect(conn:call("res.partner", "search_count", { domain = json.array {} })):equals(3)
    expect(conn:call("res.partner", "search_count", { domain = json.array {} })):equals(3)
    expect(log.paths()):equals "version authenticate search_count search_count"
    conn = open { version = result { server_version_info = json.array { "saas~18", 2, 0 } } } -- hosted
    expect(conn:version()):equals(18)
  end)

  it("takes JSON-2 from 19 on where the secret is an API key", function()
    local conn, log = open { version = answer(CALLS.version_19), context_get = answer(CALLS.key_good),
                             search_count = answer { status = 200, body = 1 } }
    expect(conn:call("res.partner", "search_count", { domain = json.array {} })):equals(1)
    expect(log.paths()):equals "version /json/2/res.users/context_get /json/2/res.partner/search_count"
    local request = log.requests[3]
    expect(request.headers.Authorization):equals "bearer nvsec:0123:"
    expect(request.headers["X-Odoo-Database"]):equals "odoo_test"
    expect(request.body):equals('{"context":{"lang":"en_US","tracking_disable":true,"tz":"UTC"},"domain":[]}')
  end)

  it("stays with JSON-RPC on 19 where the secret is a password", function()
    local conn, log = open { version = answer(CALLS.version_19), context_get = answer(CALLS.key_refused),
                             search_count = result(1) }
    expect(conn:call("res.partner", "search_count", {})):equals(1)
    expect(conn:call("res.partner", "search_count", {})):equals(1)
    expect(log.paths()):equals("version /json/2/res.users/context_get authenticate search_count search_count")
    expect(log.requests[4].headers["X-Odoo-Database"]):equals "odoo_test"
  end)

  it("does not guess while the server is in trouble", function()
    local conn = open { version = answer(CALLS.version_19), context_get = LOST }
    expect(select(2, conn:call("res.partner", "search_count", {})).class):equals "transient"
  end)

  it("asks again which protocol to speak once the key is refused", function()
    local conn, log = open { version = answer(CALLS.version_19),
      context_get = { answer(CALLS.key_good), answer(CALLS.key_refused) },
      search_count = { answer(CALLS.key_refused), result(1) } }
    local _, err = conn:call("res.partner", "search_count", {})
    expect(err.class .. " " .. err.text):matches "auth odoo: res.partner search_count: Invalid apikey; is the secret"
    expect(conn:call("res.partner", "search_count", {})):equals(1)
    expect(log.paths()):matches "context_get authenticate search_count$"
  end)

  it("obeys the endpoint's api", function()
    local conn, log = open({ read = answer(CALLS.read_load_none) }, { api = "json2" })
    assert(conn:version())
    expect(log.requests[1].path .. log.requests[1].headers["X-Odoo-Database"]):equals "/web/versionodoo_test"
    assert(conn:call("res.partner", "read", { ids = json.array { 1 } }))
    conn, log = open({ search_count = result(1) }, { api = "jsonrpc" })
    assert(conn:call("res.partner", "search_count", {}))
    expect(log.paths()):equals "authenticate search_count"
  end)
end)

describe("connector.odoo login", function()
  it("sends database, user id and the secret's token, and our context", function()
    local conn, log = open({ write = result(true) }, { company_id = 3 })
    expect(conn:call("res.partner", "write", { ids = json.array { 7 }, vals = { ref = "x" },
                                               context = { lang = "hu_HU" } })):is_true()
    expect(json.encode(log.last().params.args)):equals('["odoo_test",8,"nvsec:0123:","res.partner","write",[[7]],'
      .. '{"context":{"allowed_company_ids":[3],"lang":"hu_HU","tracking_disable":true,"tz":"UTC"},'
      .. '"vals":{"ref":"x"}}]')
  end)

  it("takes an answer without result for a success", function()
    local conn = open { button_draft = answer(CALLS.none) }
    local got, err = conn:call("account.move", "button_draft", { ids = json.array { 1 } })
    expect(got == json.null):is_true()
    expect(err):is_nil()
  end)

  it("names user, database and way out of a refused login, and asks once for all runs", function()
    local conn, log = open { authenticate = answer(CALLS.login_refused) }
    local done, err = 0, nil
    for _ = 1, 5 do
      task.spawn(function()
        err = select(2, conn:call("res.partner", "search_count", {}))
        done = done + 1
      end)
    end
    while done < 5 do task.sleep(1) end
    expect(err.class):equals "auth"
    expect(err.text):matches("^odoo: login: Odoo refuses user integration on database odoo_test; "
      .. "is the secret of user integration right%? An API key")
    expect(log.paths()):equals "version authenticate"
  end)

  it("says which database is not there", function()
    local conn = open { authenticate = answer(CALLS.login_wrong_db) }
    local _, err = conn:call("res.partner", "search_count", {})
    expect(err.class .. " " .. err.text):matches 'config odoo: login: .*is there a database "odoo_test"'
    conn = open({ search_count = answer(CALLS.wrong_db_header) }, { api = "json2" })
    _, err = conn:call("res.partner", "search_count", {})
    expect(err.class .. " " .. err.text):matches 'config .*No database is selected.*is there a database'
  end)

  it("renews a login that went stale once, and no more", function()
    local conn, log = open { search_count = { result(1), answer(CALLS.denied), result(2) } }
    conn:call("res.partner", "search_count", {})
    expect(conn:call("res.partner", "search_count", {})):equals(2)
    expect(log.paths()):equals "version authenticate search_count search_count authenticate search_count"
    conn, log = open { search_count = { answer(CALLS.denied), answer(CALLS.denied), answer(CALLS.denied) } }
    expect(select(2, conn:call("res.partner", "search_count", {})).code):equals "AccessDenied"
    expect(log.paths()):equals "version authenticate search_count"
  end)
end)

describe("connector.odoo schema", function()
  it("keeps types, links, choices and digits", function()
    local conn, log = open()
    local f = assert(conn:schema "res.partner").fields
    expect(f.name.type):equals "char"
    expect(f.credit_limit.type):equals "decimal"
    expect(f.country_id.relation):equals "res.country"
    expect(f.comment.type):equals "html"
    expect(f.write_date.readonly):is_true()
    expect(f.lang.options[1]):equals "en_US"
    expect(f.list_price.digits):is_nil() -- 19 keeps all digits of a price, 14 two
    expect(schemas.parse("res.partner", FIELDS["14.0"]).fields.list_price.digits):equals(2)
    assert(conn:schema "res.partner")
    expect(log.paths()):equals "version authenticate fields_get"
    expect(json.encode(log.last().params.args[7].attributes)):equals(json.encode(schemas.ATTRIBUTES))
  end)

  it("sees what a version has", function()
    expect(schemas.parse("res.partner", FIELDS["14.0"]).fields.comment.type):equals "text"
    expect(schemas.parse("res.partner", FIELDS["14.0"]).fields.date.type):equals "date"
    expect(schemas.parse("res.partner", FIELDS["19.0"]).fields.date):is_nil()
  end)
end)

describe("connector.odoo values", function()
  local function def(type_name) return { type = type_name } end

  it("makes cells for load", function()
    for _, case in ipairs {
      { "char", "Müller ", "Müller " }, { "char", 10000, "10000" }, { "char", json.null, "" }, { "char", false, "" },
      { "boolean", true, "True" }, { "boolean", false, "False" }, { "boolean", json.null, "" },
      { "decimal", decimal.new "12.50", "12.50" }, { "decimal", 1000, "1000" },
      { "integer", decimal.new "3.0", "3" }, { "many2one", 57, "57" }, { "many2one", json.null, "" },
      { "many2many", { 3, 1 }, "3,1" }, { "date", "2026-11-24", "2026-11-24" }, { "selection", "contact", "contact" },
      { "datetime", "2026-11-24T06:11:19Z", "2026-11-24 06:11:19" },
      { "datetime", "2026-11-24T06:11:19.73Z", "2026-11-24 06:11:19" },
      { "datetime", "2026-11-24T07:11:19+01:00", "2026-11-24 06:11:19" },
    } do
      expect(case[1] .. values.to_cell(def(case[1]), case[2])):equals(case[1] .. case[3])
    end
    expect(values.column(def "many2one", "country_id")):equals "country_id/.id"
    expect(values.column(def "char", "name")):equals "name"
  end)

  it("refuses what Odoo would take silently for something else", function()
    for _, case in ipairs { { "boolean", "false" }, { "many2one", "99" }, { "many2one", { 233, "United States" } },
                            { "integer", decimal.new "3.9" }, { "integer", "7" }, { "decimal", "12.5" },
                            { "char", { "a" } }, { "char", true }, { "date", "2026-11-24T00:00:00Z" },
                            { "date", "someday" }, { "datetime", "someday" }, { "binary", "x" } } do
      local text, why = values.to_cell(def(case[1]), case[2])
      expect(text):is_nil()
      expect(why):matches("type " .. case[1])
    end
  end)

  it("types what comes back, and keeps false and empty text apart", function()
    expect(decimal.is(values.from_wire(def "decimal", 0))):is_true()
    expect(values.from_wire(def "datetime", "2026-11-23 04:07:41")):equals "2026-11-23T04:07:41Z"
    expect(values.from_wire(def "datetime", false)):is_false()
    expect(values.from_wire(def "many2one", json.array { 233, "United States" })):equals(233)
    expect(values.from_wire(def "many2one", 233)):equals(233)
    expect(values.from_wire(def "many2one", false)):is_false()
    expect(values.from_wire(def "char", false)):is_false()
    expect(values.from_wire(def "char", "")):equals ""
  end)

  it("knows Odoo's own changes from edits", function()
    local d, null = decimal.new, json.null
    local SAME <const> = {
      { "char", "", false }, { "char", null, "" }, { "char", 10000, "10000" },
      { "decimal", d "4.56", d "4.559999999999999" }, { "decimal", d "1000.00", d "1000.0" },
      { "decimal", d "10.12345", d "10.12" }, -- 14 to 18 cut prices
      { "decimal", d "10.125", d "10.13" }, { "decimal", d "10.5", 11, 0 }, { "decimal", null, d "0.0" },
      { "integer", 1, 1 }, { "integer", null, 0 }, { "boolean", null, false },
      { "many2one", 233, json.array { 233, "United States" } }, { "many2one", null, false },
      { "many2many", { 2, 1 }, { 1, 2 } }, { "many2many", null, {} },
      { "datetime", "2026-11-24T06:11:19.5Z", "2026-11-24T06:11:19Z" },
      { "html", "Müller & Co\nKöln", "<p>Müller &amp; Co<br>K&#246;ln</p>" },
      { "html", "a < b", "<p>a &lt; b</p>" }, { "html", null, false },
    }
    local DIFFERENT <const> = {
      { "char", "a ", "a" }, { "char", "a", false }, { "decimal", d "10.12345", d "10.1" },
      { "decimal", d "10.4", 10 }, { "decimal", "x", d "0.0" }, { "integer", 1, 2 },
      { "boolean", true, false }, { "many2one", 233, 234 }, { "many2one", 233, false },
      { "many2many", { 1 }, { 1, 2 } }, { "date", "2026-11-24", "2026-11-25" },
      { "datetime", "2026-11-24T06:11:19Z", "2026-11-24T06:11:20Z" }, { "html", "a", "<p>b</p>" },
    }
    local function names_of(list, expected)
      local wrong = {}
      for i, c in ipairs(list) do
        if values.same({ type = c[1], digits = c[4] }, c[2], c[3]) ~= expected then wrong[#wrong + 1] = i .. c[1] end
      end
      return table.concat(wrong, " ")
    end
    expect(names_of(SAME, true)):equals ""
    expect(names_of(DIFFERENT, false)):equals ""
  end)
end)

describe("connector.odoo, an answer that is too large", function()
  --- Answers at most `most` records at once.
  local function at_most(most)
    local function full() return { failed = { code = "too_large", text = "the answer is larger than allowed" } } end
    return open {
      search_read = function(body)
        local asked = body.params.args[7]
        if asked.limit > most then return full() end
        local rows, from = json.array {}, #asked.domain > 0 and asked.domain[1][3] or 0
        for id = from + 1, math.min(from + asked.limit, 700) do
          rows[#rows + 1] = { id = id, name = "x", write_date = "2026-11-24 10:00:00" }
        end
        return result(rows)
      end,
      read = function(body)
        local asked = body.params.args[7].ids or body.params.args[6][1]
        if #asked > most then return full() end
        local rows = json.array {}
        for i, id in ipairs(asked) do rows[i] = { id = id, name = "x" } end
        return result(rows)
      end }
  end

  it("is asked for by halves", function()
    local conn = at_most(130)
    local found = assert(conn:search("res.partner", {}, { "name" }))
    expect({ #found, found[700].id }):equals { 700, 700 }
    local ids = {}
    for i = 1, 700 do ids[i] = i end
    local records = assert(conn:read("res.partner", ids, { "name" }))
    expect({ #records, records[1].id, records[700].id }):equals { 700, 1, 700 }
  end)
  it("is refused plainly when a single record is", function()
    local conn = at_most(0)
    local found, err = conn:search("res.partner", {}, { "name" })
    expect({ found, err.code }):equals { nil, "too_large" }
    found, err = conn:read("res.partner", { 1, 2 }, { "name" })
    expect({ found, err.class }):equals { nil, "config" }
    found, err = conn:scan("res.partner", { fields = { "name" }, limit = 8 })
    expect({ found, err.code }):equals { nil, "too_large" }
  end)
end)

describe("connector.odoo read and search", function()
  it("reads in the order asked, typed, without what is gone", function()
    local conn, log = open { read = result(json.array {
      { id = 2, name = false, country_id = 57, credit_limit = 0, write_date = "2026-11-23 04:07:41" },
      { id = 9, name = "", country_id = false, credit_limit = decimal.new "12.5", write_date = false } }) }
    local got = assert(conn:read("res.partner", { 9, 5, 2 },
      { "name", "country_id", "credit_limit", "write_date" }))
    expect(#got):equals(2)
    expect(got[1].id .. got[1].name):equals "9"
    expect(tostring(got[1].credit_limit)):equals "12.5"
    expect(got[1].write_date):is_false()
    expect(got[2].name):is_false()
    expect(got[2].country_id):equals(57)
    expect(decimal.is(got[2].credit_limit)):is_true()
    expect(got[2].write_date):equals "2026-11-23T04:07:41Z"
    local args = json.decode(log.requests[3].body).params.args
    expect(json.encode(args[6])):equals "[[9,5,2]]"
    expect(args[7].load == json.null):is_true()
  end)

  it("reads recorded answers of 14 and of JSON-2", function()
    local conn = open { read = answer(CALLS.read_14) }
    local got = assert(conn:read("res.partner", { 1045, 1047 }, { "name" }))
    expect(#got == 1 and got[1].name):equals "Capture One"
    conn = open({ read = answer(CALLS.read_load_none) }, { api = "json2" })
    got = assert(conn:read("res.partner", { 3, 1 }, { "name", "country_id" }))
    expect(got[1].id .. " " .. got[1].country_id):equals "3 233"
    conn = open { read = answer(CALLS.empty_values) }
    got = assert(conn:read("res.partner", { 1045 }, { "vat", "phone", "parent_id", "comment" }))
    expect(got[1].vat):is_false()
    expect(got[1].phone):equals ""
  end)

  it("does not take nonsense for records", function()
    local conn = open { read = result(true) }
    local _, err = conn:read("res.partner", { 1 }, { "name" })
    expect(err.text):equals "odoo: res.partner read: the answer holds no records"
    expect.raises(function() connector.open { name = "x", kind = "sap" } end, 'x has kind "sap"')
  end)

  it("searches page by page in the order of ids, archived records too", function()
    local function rows(first, last)
      local list = json.array {}
      for i = first, last do list[#list + 1] = { id = i, name = "x" } end
      return result(list)
    end
    local conn, log = open { search_read = { rows(1, 1000), rows(1001, 1234) } }
    local got = assert(conn:search("res.partner", { { "customer_rank", ">", 0 } }, { "name" }))
    expect(#got):equals(1234)
    local kw = json.decode(log.requests[4].body).params.args[7]
    expect(json.encode(kw.domain)):equals '[["id",">",1000],["customer_rank",">",0]]'
    expect(kw.order .. kw.limit):equals "id1000"
    expect(kw.context.active_test):is_false()
  end)

  it("takes pairs for links, a limit, and an order within it", function()
    local conn, log = open({ search_read = answer(CALLS.search_pairs) }, { api = "json2" })
    local got = assert(conn:search("res.partner", {}, { "name", "country_id", "write_date" },
      { limit = 2, order = "name", active_test = true }))
    expect(got[2].country_id):equals(233)
    expect(got[2].write_date):equals "2026-11-23T04:07:52Z"
    local body = json.decode(log.requests[1].body)
    expect(json.encode(body.domain) .. body.limit .. body.order .. tostring(body.context.active_test))
      :equals "[]2nametrue"
    expect.raises(function() conn:search("res.partner", {}, { "name" }, { order = "name" }) end, "needs a limit")
  end)

  it("finds and gives external ids", function()
    local conn, log = open { search_read = result(json.array { { id = 1, name = "a_customer_1", res_id = 42 } }),
                             create = { answer(CALLS.created), answer(LOAD.ir_model_data_create_duplicate) } }
    local ids = assert(conn:xmlids("res.partner", { "a_customer_1", "a_customer_2" }))
    expect(ids.a_customer_1):equals(42)
    expect(ids.a_customer_2):is_nil()
    expect(json.encode(log.last().params.args[7].domain)):equals('[["module","=","navodoo"],'
      .. '["model","=","res.partner"],["name","in",["a_customer_1","a_customer_2"]]]')
    expect(conn:link_xmlid("res.partner", 42, "a_customer_1")):is_true()
    expect(json.encode(log.last().params.args[6])):equals('[[{"model":"res.partner","module":"navodoo",'
      .. '"name":"a_customer_1","noupdate":true,"res_id":42}]]')
    local done, err = conn:link_xmlid("res.partner", 42, "a_customer_1")
    expect(done):is_nil()
    expect(err.class):equals "conflict"
  end)
end)

local function rows_of(n)
  local rows = {}
  for i = 1, n do
    rows[i] = { xmlid = "c_" .. i, write = { name = "Name " .. i, country_id = 57 } }
  end
  return rows
end

describe("connector.odoo load", function()
  local COLUMNS <const> = { "name", "country_id" }

  it("sends external ids and cells, and answers one outcome per row", function()
    local conn, log = open { load = answer(LOAD.load_good) }
    local rows = rows_of(2)
    rows[2].write.country_id = json.null
    expect(conn:load("res.partner", COLUMNS, rows)):equals { { ok = true, id = 1063 }, { ok = true, id = 1064 } }
    expect(json.encode(log.last().params.args[6])):equals('[["id","name","country_id/.id"],'
      .. '[["navodoo.c_1","Name 1","57"],["navodoo.c_2","Name 2",""]]]')
    conn, log = open({ load = answer { status = 200, body = LOAD.load_good.body.result } }, { api = "json2" })
    assert(conn:load("res.partner", COLUMNS, rows))
    expect(json.encode(log.last().fields) .. #log.last().data):equals '["id","name","country_id/.id"]2'
  end)

  it("blames the row that Odoo names and asks for the others again", function()
    local conn = open { load = { answer(LOAD.load_bad_reference), answer(LOAD.load_by_name_and_missing_required) } }
    for _ = 1, 2 do
      local got = assert(conn:load("res.partner", COLUMNS, rows_of(2)))
      expect(got[1]):equals { ok = false, again = true }
      expect(got[2].ok or got[2].again):is_nil()
      expect(got[2].err.class):equals "invalid"
      expect(got[2].err.field):equals "country_id"
      expect(got[2].err.record_index):equals(2)
      expect(got[2].err.text):matches "^odoo: res.partner navodoo.c_2: No matching record found for"
    end
  end)

  it("does not believe the first row guilty of the whole call's refusal", function()
    local function message(record, words, kind)
      return { type = kind or "error", record = record, rows = { from = record, to = record }, message = words }
    end
    local function refuse(...)
      return result { ids = false, nextrow = 0, messages = json.array { ... } }
    end
    local conn = open { load = { refuse(message(0, "Bad"), message(2, "Bad")), refuse(message(0, "Bad")),
      refuse(message(0, "All"), message(0, "Bad"), message(2, "Bad")),
      refuse({ type = "warning", message = "Found more than 10 errors" }, message(1, "Bad")),
      refuse({ type = "error", message = "Something" }), refuse({ type = "error", message = "Something" }) } }
    local function outcomes(n)
      local list = {}
      for i, o in ipairs(assert(conn:load("res.partner", COLUMNS, rows_of(n)))) do
        list[i] = o.ok and "ok" or o.again and "again" or o.err.text:match "%a+$"
      end
      return table.concat(list, " ")
    end
    expect(outcomes(3)):equals "again again Bad"
    expect(outcomes(2)):equals "Bad again"
    expect(outcomes(3)):equals "All again Bad"
    expect(outcomes(2)):equals "again Bad"
    expect(outcomes(2)):equals "again again" -- nobody named: halves
    expect(outcomes(1)):equals "Something"
  end)

  it("tells a lost lock inside the messages from a bad value", function()
    local function refuse(words)
      return result { ids = false, messages = json.array { { type = "error", record = 0, message = words } } }
    end
    local race = refuse("Unknown error during import: <class 'psycopg2.errors.SerializationFailure'>: "
      .. "could not serialize access due to concurrent update")
    local conn = open { load = { race, race, result { ids = json.array { 41 }, messages = json.array {} },
      race, race, race, race, race,
      refuse "You are not allowed to create 'Contact' (res.partner) records." } }
    local got = assert(conn:load("res.partner", COLUMNS, rows_of(1)))
    expect(got[1]):equals { ok = true, id = 41 } -- nothing was kept: sent again at once
    got = assert(conn:load("res.partner", COLUMNS, rows_of(1)))
    expect(got[1].err.class):equals "transient" -- not for ever
    local err
    got, err = conn:load("res.partner", COLUMNS, rows_of(1))
    expect(got):is_nil()
    expect(err.class .. " " .. err.text):matches "config .*give user integration the group"
  end)

  it("refuses all rows for a column that Odoo does not know", function()
    local conn = open { load = { answer(LOAD.load_unknown_column_14), answer(LOAD.load_unknown_column) } }
    local schema = assert(conn:schema "res.partner")
    schema.fields.no_such = { type = "char" } -- gone since the schema was read
    for _ = 1, 2 do
      local got = assert(conn:load("res.partner", { "no_such" }, rows_of(2)))
      for i = 1, 2 do
        expect(got[i].err.class .. got[i].err.code):equals "invalidunknown_field"
        expect(got[i].err.field):equals "no_such"
        expect(got[i].err.record_index):equals(i)
        expect(got[i].err.text):matches("no_such'?\"?; .* %(res.partner navodoo.c_" .. i .. "%)$")
      end
    end
    local got, err = conn:load("res.partner", { "nmae" }, rows_of(2))
    expect(got):is_nil()
    expect(err.class .. " " .. err.text):equals 'config odoo: res.partner load: Odoo has no field "nmae" here'
  end)

  it("asks for all rows again when a fault names none, and believes it of a single one", function()
    local fault = answer { status = 200, body = { jsonrpc = "2.0", id = 1, error = { code = 0, data = {
      name = "builtins.ValueError", message = "A string literal cannot contain NUL (0x00) characters." } } } }
    local conn = open { load = { fault, fault } }
    local got = assert(conn:load("res.partner", COLUMNS, rows_of(2)))
    expect(got[1].again and got[2].again):is_true()
    got = assert(conn:load("res.partner", COLUMNS, rows_of(1)))
    expect(got[1].err.text):matches "NUL.*%(res.partner navodoo.c_1%)$"
  end)

  it("answers for a value of the wrong type without sending it", function()
    local conn, log = open { load = function(body)
      return result { ids = json.array { #body.params.args[6][2] }, messages = json.array {} }
    end }
    local rows = rows_of(2)
    rows[1].write.country_id = "99"
    local got = assert(conn:load("res.partner", COLUMNS, rows))
    expect(got[1].err.field .. got[1].err.class):equals "country_idinvalid"
    expect(got[1].err.text):matches 'navodoo.c_1: country_id: "99" cannot go into a field of type many2one'
    expect(got[2].ok):is_true()
    expect(#log.last().params.args[6][2]):equals(1)
  end)

  it("splits what is too large for one call, and keeps outcomes in order", function()
    local calls, next_id = 0, 0
    local conn = open { load = function(body)
      calls = calls + 1
      if calls == 3 then return LOST end
      local ids = json.array {}
      for i = 1, #body.params.args[6][2] do
        next_id = next_id + 1
        ids[i] = next_id
      end
      return result { ids = ids, messages = json.array {} }
    end }
    local got = assert(conn:load("res.partner", COLUMNS, rows_of(2001)))
    expect(got[1].id):equals(1)
    expect(got[2000].id):equals(2000)
    expect(got[2001].err.class):equals "unknown"
    calls, next_id = 3, 0
    local rows = rows_of(3)
    for _, row in ipairs(rows) do row.write.name = ("x"):rep(loading.MAX_BYTES // 2) end
    got = assert(conn:load("res.partner", COLUMNS, rows))
    expect(calls):equals(6)
    expect(got[3].id):equals(3)
  end)

  it("says how an Odoo 14 with several databases can be made to give its reasons", function()
    local page = answer { status = 500, body = '<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 3.2 Final//EN">\n'
      .. "<title>500 Internal Server Error</title>\n<h1>Internal Server Error</h1>\n" }
    local conn = open { load = { page }, search_count = { page } }
    local _, err = conn:load("res.partner", COLUMNS, rows_of(2))
    expect(err.class .. " " .. err.text):matches "^unknown .*500 Internal Server Error.*leave only odoo_test$"
    _, err = conn:call("res.partner", "search_count", {})
    expect(err.class .. " " .. err.text):matches "^transient .*let its dbfilter"
  end)

  it("calls the outcome unknown when the answer is lost or makes no sense", function()
    local conn = open { load = { LOST, answer { status = 502, body = "<html>Bad Gateway</html>" },
      answer { status = 500, body = "<html><head><title>500 Internal Server Error</title>" },
      result { ids = json.array { 1 }, messages = json.array {} }, answer { status = 200, body = "{" },
      answer { status = 500, body = "<!doctype html>\n<html lang=en>\n<title>500 Internal Server Error</title>" } } }
    for _ = 1, 5 do
      local got, err = conn:load("res.partner", COLUMNS, rows_of(2))
      expect(got):is_nil()
      expect(err.class):equals "unknown"
      expect(err.maybe_sent):is_true()
    end
    local _, err = conn:load("res.partner", COLUMNS, rows_of(2))
    expect(err.class):equals "transient" -- no free database connection: nothing began
  end)

  it("asks for the halves of a body that a proxy finds too large", function()
    local conn = open { load = answer { status = 413, body = "" } }
    expect(conn:load("res.partner", COLUMNS, rows_of(1))[1].err.code):equals "too_large"
    expect(conn:load("res.partner", COLUMNS, rows_of(2))[2].again):is_true()
  end)
end)

describe("connector.odoo faults", function()
  local endpoint = { name = "odoo", user = "integration", database = "odoo_test", company_id = 3 }

  local function of(recorded, write)
    local body = recorded.body
    local fault = type(body) == "table" and (body.error and body.error.data or body)
    if fault then return errors.of_fault(endpoint, "res.partner write", recorded.status, fault, write) end
    return errors.of_page(endpoint, "res.partner write", answer(recorded), write)
  end

  for _, recorded in ipairs(FAULTS) do
    it("knows " .. recorded.from, function()
      local err = of(recorded, true)
      expect(err.class):equals(recorded.class)
      if recorded.field then expect(err.field):equals(recorded.field) end
      expect(err.text):matches "^odoo: res.partner write: ."
      expect(err.text:find("\n")):is_nil()
      expect(err.text:find("{[%w_]+}")):is_nil() -- all that a way out names is filled in
      expect(err.maybe_sent):is_false()
      if recorded.from:find "cooldown" then expect(err.retry_after_ms):equals(60000) end
    end)
  end

  it("knows what there is no recording of", function()
    for _, case in ipairs {
      { "odoo.exceptions.LockError", "x", "transient" }, { "psycopg2.errors.LockNotAvailable", "x", "transient" },
      { "psycopg2.errors.DeadlockDetected", "x", "transient" },
      { "psycopg2.OperationalError", "FATAL: the database system is starting up", "transient" },
      { "psycopg2.pool.PoolError", "The Connection Pool Is Full", "transient" },
      { "werkzeug.exceptions.UnprocessableEntity", "x", "bug" }, { "builtins.KeyError", "('a', 1)", "invalid" },
      { "builtins.ZeroDivisionError", "x", "invalid" },
    } do
      local err = of({ status = 200, body = { name = case[1], message = case[2] } }, true)
      expect(case[1] .. err.class):equals(case[1] .. case[3])
    end
    for _, case in ipairs {
      { 200, "config", "unknown" }, { 308, "config", "config" }, { 400, "bug", "bug" }, { 401, "auth", "auth" },
      { 403, "config", "config" }, { 404, "config", "config" }, { 405, "bug", "bug" },
      { 408, "transient", "unknown" }, { 413, "invalid", "invalid" }, { 429, "transient", "transient" },
      { 500, "transient", "unknown" }, { 502, "transient", "unknown" }, { 503, "transient", "transient" },
      { 504, "transient", "unknown" },
    } do
      local page = { status = case[1], body = "<html></html>" }
      expect(case[1] .. of(page, false).class .. of(page, true).class):equals(table.concat(case))
    end
  end)

  it("counts a system in trouble against the breaker, a refusal not", function()
    local conn, log = open { search_count = { result(1), answer { status = 502, body = "" }, LOST,
      answer(FAULTS[1]) } }
    for _ = 1, 4 do conn:call("res.partner", "search_count", {}) end
    expect(table.concat(log.reported, " ")):equals "ok ok ok fail fail ok"
  end)

  it("knows a lost answer of a read from one of a write", function()
    local conn = open { search_count = LOST, write = LOST, action_confirm = {
      { failed = { code = "network", text = "odoo (host:8069): connection refused", maybe_sent = false } } } }
    local _, err = conn:call("res.partner", "search_count", {})
    expect(err.class):equals "transient"
    _, err = conn:call("res.partner", "write", { ids = json.array { 1 }, vals = {} })
    expect(err.class .. tostring(err.maybe_sent)):equals "unknowntrue"
    _, err = conn:call("sale.order", "action_confirm", { ids = json.array { 1 } })
    expect(err.class .. tostring(err.maybe_sent)):equals "transientfalse"
    expect(err.text):matches "connection refused, calling sale.order action_confirm; is it running"
  end)
end)

-- An Odoo that holds (id, microsecond) pairs and shows seconds.
local function stamped(records)
  local us_of = {}
  for _, r in ipairs(records) do us_of[r.id] = r.us end
  local function shown(us) return (time.iso(us // 1000000 * 1000000)) end
  return { asked = 0, search = function(self, _, domain, _, options)
    self.asked = self.asked + 1
    local found = {}
    for _, r in ipairs(records) do
      local fits = true
      for _, term in ipairs(domain) do
        local held, bound = r.id, term[3]
        if term[1] == "write_date" then
          held, bound = us_of[r.id], time.parse_iso(term[3]:gsub(" ", "T") .. "Z")
        end
        if term[2] == ">=" then fits = fits and held >= bound
        elseif term[2] == "<" then fits = fits and held < bound
        else fits = fits and held > bound end
      end
      if fits then found[#found + 1] = r end
    end
    table.sort(found, function(a, b)
      if options.order == "write_date,id" and a.us ~= b.us then return a.us < b.us end
      return a.id < b.id
    end)
    local rows = {}
    for i = 1, math.min(#found, options.limit) do
      rows[i] = { id = found[i].id, write_date = shown(found[i].us) }
    end
    return rows
  end }
end

local function walk(conn, limit, from_stamp)
  local all, after, pages = {}, nil, 0
  repeat
    local page = assert(scanning.run(conn, "res.partner", { fields = {}, limit = limit, after = after,
                                                            from_stamp = from_stamp }))
    expect(#page.rows <= limit):is_true()
    expect(#page.rows > 0 or not page.more):is_true()
    for _, row in ipairs(page.rows) do all[#all + 1] = row end
    local last = page.rows[#page.rows]
    after = last and { stamp = last.stamp, id = last.id }
    pages = pages + 1
  until not page.more
  return all, pages
end

describe("connector.odoo scan", function()
  local START <const> = 1768471200 * 1000000 -- 2026-01-15T10:00:00Z

  it("asks for a second on, in the order of stamp and id, archived ones too", function()
    local row = { id = 7, name = "x", write_date = "2026-01-15 10:00:00" }
    local conn, log = open { search_read = function() return result(json.array { row }) end }
    local page = assert(conn:scan("res.partner", { fields = { "name" }, limit = 5,
      domain = { json.array { "customer_rank", ">", 0 } }, from_stamp = "2026-01-15T10:00:00.25Z" }))
    expect(page.rows[1].id .. page.rows[1].stamp):equals "72026-01-15T10:00:00Z"
    expect(page.more):is_false()
    local args
    for _, request in ipairs(log.requests) do
      local body = json.decode(request.body)
      if body.params.args[5] == "search_read" then args = body.params.args[7] end
    end
    expect(json.encode(args.domain)):equals '[["customer_rank",">",0],["write_date",">=","2026-01-15 10:00:00"]]'
    expect(args.order .. args.limit):equals "write_date,id5"
    expect(args.context.active_test):is_false()
    expect(json.encode(args.fields)):equals '["name","id","write_date"]'
  end)

  it("finds every record once, in order, however many share a second", function()
    local draw = people.random(7, 1)
    for _ = 1, 200 do
      local records, seconds = {}, 1 + draw(8)
      for id = 1, draw(60) do
        records[id] = { id = id, us = START + draw(seconds) * 1000000 + draw(3) * 250000 }
      end
      local all = walk(stamped(records), 1 + draw(9))
      expect(#all):equals(#records)
      for i = 2, #all do
        local a, b = all[i - 1], all[i]
        expect(a.stamp < b.stamp or a.stamp == b.stamp and a.id < b.id):is_true()
      end
    end
  end)

  it("begins with the second it is given, and asks little", function()
    local records = {}
    for id = 1, 100 do records[id] = { id = id, us = START + (id // 10) * 1000000 } end
    local all = walk(stamped(records), 7, "2026-01-15T10:00:09Z")
    expect(#all .. " " .. all[1].id):equals "11 90"
    local conn = stamped(records)
    local _, pages = walk(conn, 1000)
    expect(pages .. " " .. conn.asked):equals "1 1"
  end)
end)
