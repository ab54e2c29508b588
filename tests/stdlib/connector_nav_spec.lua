--- The NAV connector against recorded answers: questions asked, values read, errors told.

local cache = require "navodoo.cache"
local decimal = require "navodoo.decimal"
local json = require "navodoo.json"
local call = require "connector.call"
local connector = require "connector"
local errors = require "connector.nav.errors"
local filter = require "connector.nav.filter"
local key = require "connector.nav.key"

call.TRIES = 1 -- each answer of a test is for one call

local HERE <const> = debug.getinfo(1, "S").source:match "^@(.*)/[^/]*$" or "tests/stdlib"

local function data(name)
  local file <close> = assert(io.open(("%s/data/nav_wire/%s.json"):format(HERE, name)))
  return assert(json.decode(file:read "a"))
end

local METADATA <const>, CUSTOMERS <const> = data "metadata", data "customers"

local function answer(recorded, status)
  local body = recorded.body
  return { status = status or recorded.status, headers = {},
           body = type(body) == "string" and body or assert(json.encode(body)) }
end

local function page(rows, next_link)
  return answer { status = 200, body = { value = json.array(rows), ["@odata.nextLink"] = next_link } }
end

--- A connection whose requests are answered by `answers`, one after the other; $metadata is
-- always there. Answers the connection and what was asked and reported.
local function open(answers, settings)
  local endpoint = { name = "nav", kind = "nav", company = "CRONUS International Ltd.", user = "navodoo" }
  for k, v in pairs(settings or {}) do endpoint[k] = v end
  cache.drop("endpoint:nav")
  local log = { asked = {}, reported = {} }
  call.request = function(request)
    if request.path == "/$metadata" then
      log.metadata = (log.metadata or 0) + 1
      return answer(METADATA)
    end
    log.asked[#log.asked + 1] = request.path
    local next_answer = table.remove(answers, 1)
    if next_answer.failed then return nil, next_answer.failed end
    return next_answer
  end
  call.report = function(_, verdict, ms) log.reported[#log.reported + 1] = verdict .. (ms and " " .. ms or "") end
  return connector.open(endpoint), log
end

local FIELDS <const> = { "Name", "Balance_LCY" }
local function rows(first, last)
  local list = {}
  for i = first, last do list[#list + 1] = { No = ("C%03d"):format(i), Name = "x", Balance_LCY = i } end
  return list
end

describe("connector.nav, a page that is too large", function()
  local LARGE <const> = { failed = { code = "too_large", text = "nav: the answer is larger than allowed" } }

  it("is asked for by halves, and so are those that follow", function()
    local conn, log = open({ LARGE, LARGE, page(rows(1, 250)), page(rows(251, 300)) }, { page_size = 1000 })
    local first = assert(conn:scan("Customer", { fields = FIELDS, limit = 1000 }))
    expect({ #first.rows, first.more }):equals { 250, true }
    local second = assert(conn:scan("Customer", { fields = FIELDS, limit = 1000, after_key = "C250" }))
    expect({ #second.rows, second.more }):equals { 50, false }
    local tops = {}
    for i, path in ipairs(log.asked) do tops[i] = path:match "top=(%d+)" end
    expect(table.concat(tops, " ")):equals "1000 500 250 250"
  end)
  it("is refused plainly when a single record is", function()
    local conn = open { LARGE, LARGE }
    local found, err = conn:scan("Customer", { fields = FIELDS, limit = 2 })
    expect(found):is_nil()
    expect({ err.class, err.code }):equals { "config", "too_large" }
    expect(err.text):matches "Customer.*down to a single record"
  end)
end)

describe("connector.nav schema", function()
  it("reads types, lengths and the key from $metadata, once", function()
    local conn, log = open {}
    local schema = assert(conn:schema "Customer")
    expect(schema.entity):equals "Customer"
    expect(#schema.key == 1 and schema.key[1]):equals "No"
    local f = schema.fields
    expect(f.Name.type .. f.Name.max):equals "char50"
    expect(f.Balance_LCY.type):equals "decimal"
    expect(f.Privacy_Blocked.type):equals "boolean"
    expect(f.Last_Date_Modified.type):equals "date"
    expect(f.Last_Modified_Date_Time.type):equals "datetime"
    expect(f.Invoice_Copies.type):equals "integer"
    expect(f.Blocked.max):is_nil()
    assert(conn:schema "Customer")
    expect(log.metadata):equals(1)
  end)

  it("names a web service that is not published, and how to publish it", function()
    local conn = open {}
    local schema, err = conn:schema "CustomerCrd"
    expect(schema):is_nil()
    expect(err.class):equals "config"
    expect(err.text):matches 'nav: CustomerCrd: no web service "CustomerCrd".*publish'
  end)
end)

describe("connector.nav scan", function()
  it("types values, keeps tags apart and texts as they are", function()
    local conn, log = open { answer(CUSTOMERS.page) }
    local got = assert(conn:scan("Customer", { limit = 10, stamp_field = "Last_Date_Modified", fields = {
      "Name", "Balance_LCY", "Credit_Limit_LCY", "Blocked", "Privacy_Blocked", "Invoice_Copies" } }))
    local a, b = got.rows[1], got.rows[2]
    expect(a.key):equals "10000"
    expect(a.etag):matches "^W/\"'24%%3B"
    expect(a.record["@odata.etag"]):is_nil()
    expect(tostring(a.record.Balance_LCY)):equals "168364.41"
    expect(decimal.is(b.record.Balance_LCY)):is_true() -- NAV sends 1000
    expect(decimal.is(a.record.Credit_Limit_LCY)):is_true()
    expect(math.type(a.record.Invoice_Copies)):equals "integer"
    expect(a.record.Blocked):equals " "
    expect(a.record.Last_Date_Modified):equals "2018-01-25"
    expect(b.record.Last_Date_Modified == json.null):is_true() -- 0001-01-01
    expect(b.record.Name):equals "O'Neill & Söhne GmbH"
    expect(log.reported[#log.reported]):equals "ok"
  end)

  it("asks for rows behind a key in the order of keys", function()
    local conn, log = open { page(rows(1, 2)), page {} }
    local got = assert(conn:scan("Customer", { fields = FIELDS, limit = 2, after_key = "O'N & Co" }))
    expect(log.asked[1]):equals("/Company('CRONUS%20International%20Ltd.')/Customer?$select=Name,Balance_LCY,No"
      .. "&$filter=No%20gt%20'O''N%20%26%20Co'&$orderby=No&$top=2")
    expect(got.more):is_true()
    got = assert(conn:scan("Customer", { fields = FIELDS, limit = 2, after_key = got.rows[2].key }))
    expect(log.asked[2]):matches "gt%%20'C002'"
    expect(#got.rows):equals(0)
    expect(got.more):is_false()
  end)

  it("joins stamp and key by `and`, in the order of keys", function()
    local conn, log = open { page {} }
    assert(conn:scan("Customer", { fields = FIELDS, limit = 5, stamp_field = "Last_Date_Modified",
                                   stamp_from = "2026-11-23", after_key = "C9",
                                   where = { { "Blocked", "eq", " " } } }))
    expect(log.asked[1]):matches("filter=Blocked%%20eq%%20'%%20'%%20and%%20Last_Date_Modified%%20ge%%202026%-11%-23"
      .. "%%20and%%20No%%20gt%%20'C9'&%$orderby=No&")
  end)

  it("asks twice for rows behind a stamp and a key, never with `or`", function()
    local conn, log = open { page(rows(1, 1)), page(rows(2, 3)) }
    conn.largest_page = 100
    local got = assert(conn:scan("Customer", { fields = FIELDS, limit = 3, stamp_field = "Last_Date_Modified",
                                               stamp_after = "2026-11-23", after_key = "C000" }))
    expect(log.asked[1]):matches "filter=Last_Date_Modified%%20eq%%202026%-11%-23%%20and%%20No%%20gt%%20'C000'"
    expect(log.asked[1]):matches "orderby=Last_Date_Modified,No&%$top=3$"
    expect(log.asked[2]):matches "filter=Last_Date_Modified%%20gt%%202026%-11%-23&.*%$top=2$"
    expect(#got.rows):equals(3)
    expect(got.more):is_true()
  end)

  it("follows a nextLink at once, on our own address, up to the limit", function()
    local link = "http://other.name:7048/BC/ODataV4/Company('CRONUS')/Customer?$skiptoken='C002'"
    local conn, log = open { page(rows(1, 2), link), page(rows(3, 9)) }
    local got = assert(conn:scan("Customer", { fields = FIELDS, limit = 4 }))
    expect(log.asked[2]):equals "/Company('CRONUS')/Customer?$skiptoken='C002'"
    expect(#got.rows):equals(4)
    expect(got.rows[4].key):equals "C004"
    expect(got.more):is_true()
  end)

  it("believes the end only after a page smaller than one that came before", function()
    local conn = open { page(rows(1, 50)), page(rows(51, 100)), page(rows(101, 120)) }
    local function next_page(after)
      local got = assert(conn:scan("Customer", { fields = FIELDS, limit = 500, after_key = after }))
      return #got.rows .. " " .. tostring(got.more)
    end
    expect(next_page()):equals "50 true" -- the server may give no more than 50
    expect(next_page "C050"):equals "50 true"
    expect(next_page "C100"):equals "20 false"
  end)

  it("asks for no more than the server gives in one page", function()
    local conn, log = open({ page(rows(1, 3)) }, { page_size = 3 })
    local got = assert(conn:scan("Customer", { fields = FIELDS, limit = 500 }))
    expect(log.asked[1]):matches "%$top=3$"
    expect(got.more):is_true()
  end)

  it("names record and field of a value that is no such type", function()
    local conn = open { page { { No = "C1", Name = "x", Balance_LCY = "much" } } }
    local got, err = conn:scan("Customer", { fields = FIELDS, limit = 5 })
    expect(got):is_nil()
    expect(err.class):equals "invalid"
    expect(err.text):equals "nav: Customer C1: Balance_LCY is much, which is no decimal"
  end)

  it("names an unknown field", function()
    local conn = open {}
    local _, err = conn:scan("Customer", { fields = { "Nmae" }, limit = 5 })
    expect(err.class .. " " .. err.text):matches 'config nav: Customer: NAV has no field "Nmae"'
  end)

  it("walks a key of several fields by asking for each, never with `or`", function()
    local conn, log = open { page { { Document_Type = "Order", No = "O,1%" } }, page {} }
    conn.largest_page = 100
    local got = assert(conn:scan("SalesOrder", { fields = { "No" }, limit = 5, after_key = "Order,A%2CB" }))
    expect(log.asked[1]):matches("filter=Document_Type%%20eq%%20'Order'%%20and%%20No%%20gt%%20'A,B'"
      .. "&%$orderby=Document_Type,No&")
    expect(log.asked[2]):matches "filter=Document_Type%%20gt%%20'Order'&"
    expect(got.rows[1].key):equals "Order,O%2C1%25"
    expect(got.more):is_false()
    conn, log = open { page {}, page {}, page {} }
    assert(conn:scan("SalesOrder", { fields = {}, limit = 5, stamp_field = "Sell_to_Customer_No",
                                     stamp_after = "C1", after_key = "Order,A" }))
    expect(log.asked[1]):matches("Sell_to_Customer_No%%20eq%%20'C1'%%20and%%20Document_Type%%20eq%%20'Order'"
      .. "%%20and%%20No%%20gt%%20'A'&%$orderby=Sell_to_Customer_No,Document_Type,No&")
    expect(log.asked[2]):matches "Sell_to_Customer_No%%20eq%%20'C1'%%20and%%20Document_Type%%20gt%%20'Order'&"
    expect(log.asked[3]):matches "filter=Sell_to_Customer_No%%20gt%%20'C1'&"
    expect(log.asked[3]:find("%20or%20", 1, true)):is_nil()
  end)
end)

describe("connector.nav get", function()
  it("asks by key with `or` over one field and keeps what was asked for", function()
    local conn, log = open { page { { No = "A*", Name = "a" }, { No = "AB", Name = "b" } } }
    local got = assert(conn:get("Customer", { "A*", "gone" }, { "Name" }))
    expect(log.asked[1]):matches "filter=No%%20eq%%20'A%%2A'%%20or%%20No%%20eq%%20'gone'$"
    expect(got["A*"].Name):equals "a"
    expect(got.AB):is_nil()
    expect(got.gone):is_nil()
  end)

  it("answers tags, and takes keys of several fields apart", function()
    local conn, log = open { page { { Document_Type = "Order", No = "1", ["@odata.etag"] = "T1" },
      { Document_Type = "Order", No = "3" } }, page { { Document_Type = "Quote", No = "1" } } }
    local got, err, etags = conn:get("SalesOrder", { "Order,1", "Quote,1", "Order,2" }, {})
    expect(err):is_nil()
    expect(log.asked[1]):matches("filter=Document_Type%%20eq%%20'Order'%%20and%%20"
      .. "%(No%%20eq%%20'1'%%20or%%20No%%20eq%%20'2'%)$")
    expect(log.asked[2]):matches "Document_Type%%20eq%%20'Quote'%%20and%%20%(No%%20eq%%20'1'%)$"
    expect(got["Order,1"].No .. etags["Order,1"]):equals "1T1"
    expect(got["Order,2"]):is_nil()
    expect(got["Order,3"]):is_nil()
    expect(got["Quote,1"].Document_Type):equals "Quote"
  end)

  it("splits a long list of keys over several calls", function()
    local keys, answers = {}, {}
    for i = 1, 90 do keys[i], answers[#answers + 1] = ("KEY-%04d"):format(i), page {} end
    local conn, log = open(answers)
    assert(conn:get("Customer", keys, FIELDS))
    expect(#log.asked):equals(3)
    for _, path in ipairs(log.asked) do expect(#path < 4000):is_true() end
  end)
end)

describe("connector.nav writes", function()
  local CUSTOMER <const> = { No = "C1", Name = "x", Balance_LCY = 12, ["@odata.etag"] = 'W/"2"' }
  local function refusal(status, code, message)
    return answer { status = status, body = { error = { code = code, message = message } } }
  end

  it("creates with the fields in the order given, and answers what NAV holds", function()
    local sent
    local conn = open { answer({ body = CUSTOMER }, 201) }
    local request = call.request
    call.request = function(r) sent = r.path ~= "/$metadata" and r or sent return request(r) end
    local row = assert(conn:create("Customer", { { "Name", "x" }, { "Credit_Limit_LCY", decimal.new "12.50" },
      { "Blocked", " " }, { "Last_Date_Modified", json.null }, { "Privacy_Blocked", json.null },
      { "Invoice_Copies", 2 }, { "Balance_LCY", json.null } }, { "Name", "Balance_LCY" }))
    expect(sent.method .. sent.path):equals "POST/Company('CRONUS%20International%20Ltd.')/Customer"
    expect(sent.body):equals('{"Name":"x","Credit_Limit_LCY":12.50,"Blocked":" ",'
      .. '"Last_Date_Modified":"0001-01-01","Privacy_Blocked":false,"Invoice_Copies":2,"Balance_LCY":0}')
    expect(sent.headers["If-Match"]):is_nil()
    expect(row.key .. row.etag):equals 'C1W/"2"'
    expect(decimal.is(row.record.Balance_LCY)):is_true()
    expect(row.record["@odata.etag"]):is_nil()
  end)

  it("updates the version it is based on, under a key of one field or several", function()
    local sent
    local conn = open { answer({ body = CUSTOMER }, 200),
                        answer({ body = { Document_Type = "Order", No = "A,'/" } }, 200) }
    local request = call.request
    call.request = function(r) sent = r.path ~= "/$metadata" and r or sent return request(r) end
    local row = assert(conn:update("Customer", "C'1", 'W/"1"', { { "Name", "x" } }, { "Name" }))
    expect(sent.method .. sent.headers["If-Match"] .. sent.body):equals 'PATCHW/"1"{"Name":"x"}'
    expect(sent.path):matches "/Customer%('C''1'%)$"
    expect(row.record.Name .. row.etag):equals 'xW/"2"'
    row = assert(conn:update("SalesOrder", "Order,A%2C'/", "T", { { "Sell_to_Customer_No", "C1" } }, {}))
    expect(sent.path):matches "/SalesOrder%(Document_Type='Order',No='A,''%%2F'%)$"
    expect(row.key):equals "Order,A%2C'/"
  end)

  it("reads the record where a server sends none back", function()
    local conn, log = open { answer { status = 204, body = "" }, page { CUSTOMER } }
    local row = assert(conn:update("Customer", "C1", "T", { { "Name", "x" } }, { "Name" }))
    expect(row.etag .. row.record.Name):equals 'W/"2"x'
    expect(#log.asked):equals(2)
  end)

  it("calls an update unknown that was written and could not be read", function()
    local failures = { answer { status = 503, body = "" }, page {},
                       { failed = { code = "network", text = "no", maybe_sent = false } } }
    for _, failure in ipairs(failures) do
      local conn = open { answer { status = 204, body = "" }, failure }
      local err = select(2, conn:update("Customer", "C1", "T", { { "Name", "x" } }, { "Name" }))
      expect(err.class .. tostring(err.maybe_sent)):equals "unknowntrue"
      expect(err.text):matches "it was written, and could not be read again"
    end
  end)

  it("tells a record that was changed from one that is gone", function()
    local conn = open { refusal(409, "Request_EntityChanged", "Another user has already changed the record."),
      refusal(404, "BadRequest_ResourceNotFound", "Resource not found for the segment 'Customer'."), page {},
      refusal(404, "Internal_RecordNotFound", "The Salesperson/Purchaser does not exist."), page { CUSTOMER } }
    local function update() return select(2, conn:update("Customer", "C1", "T", { { "Name", "x" } }, {})) end
    local err = update()
    expect(err.class .. " " .. err.code):equals "conflict Request_EntityChanged"
    err = update()
    expect(err.class .. " " .. err.code .. " " .. err.text):equals(
      "conflict gone nav: Customer C1: it is no longer there")
    expect(update().class):equals "dependency"
  end)

  it("calls an outcome unknown that nobody told", function()
    local conn = open { { failed = { code = "network", text = "cut", maybe_sent = true } },
      answer({ body = "<html></html>" }, 201), answer { status = 204, body = "" },
      { failed = { code = "network", text = "no", maybe_sent = false } },
      answer { status = 504, body = "" } }
    local function create() return select(2, conn:create("Customer", { { "Name", "x" } }, {})) end
    for _ = 1, 3 do expect(create().class):equals "unknown" end
    expect(create().class):equals "transient"
    local err = create()
    expect(err.class .. tostring(err.maybe_sent)):equals "unknowntrue"
  end)

  it("sends nothing that cannot be right", function()
    local conn, log = open {}
    local _, err = conn:create("Customer", { { "Nmae", "x" } }, {})
    expect(err.class .. " " .. err.text):equals 'config nav: Customer: NAV has no field "Nmae" on this page'
    _, err = conn:update("Customer", "C1", "T", { { "Balance_LCY", "much" } }, {})
    expect(err.class .. " " .. err.field .. " " .. err.text):equals(
      'invalid Balance_LCY nav: Customer C1: Balance_LCY: "much" cannot go into a field of type decimal')
    expect.raises(function() conn:update("Customer", "C1", nil, {}, {}) end, "read it first")
    expect.raises(function() conn:create("Customer", { { "Name", "a" }, { "Name", "b" } }, {}) end, "given twice")
    expect(#log.asked):equals(0)
  end)

  it("says what to do about numbers and locks", function()
    local conn = open { refusal(400, "Application_DialogException", "You may not enter numbers manually. If you"
        .. " want to enter numbers manually, please activate Manual Nos. in No. Series CUST."),
      refusal(400, "Application_DialogException", "You cannot assign new numbers from the number series CUST."),
      refusal(400, "Application_DialogException", "The operation could not complete because a record in the"
        .. " Customer table was locked by another user. Please retry the activity.") }
    local function create() return select(2, conn:create("Customer", { { "Name", "x" } }, {})) end
    expect(create().text):matches "Series CUST%.; or let the number come from the series"
    local err = create()
    expect(err.class .. " " .. err.code):equals "invalid number_series"
    expect(create().class):equals "transient"
  end)
end)

describe("connector.nav key", function()
  local schema = { entity = "Line", key = { "Type", "Line_No" },
                   fields = { Type = { type = "char" }, Line_No = { type = "integer" } } }
  it("comes back from its text, whatever its parts hold", function()
    for _, part in ipairs { "Order", "a,b", "100%", "%2C", "", " " } do
      local whole = key.of(schema, { Type = part, Line_No = 10000 })
      local parts = key.parts(schema, whole)
      expect(parts[1]):equals(part)
      expect(math.type(parts[2]) .. parts[2]):equals "integer10000"
    end
    expect(key.address(schema, "a%2Cb,7")):equals "(Type='a,b',Line_No=7)"
    expect.raises(function() key.parts(schema, "a") end, "has 1 parts, Line has 2 %(Type, Line_No%)")
  end)

  it("is a number again where the field is one", function()
    local numbered = { entity = "Entry", key = { "No" }, fields = { No = { type = "integer" } } }
    expect(math.type(key.parts(numbered, "17")[1])):equals "integer"
    expect(key.address(numbered, "17")):equals "(17)"
    expect(key.parts({ entity = "Card", key = { "No" }, fields = { No = { type = "char" } } }, "17")[1]):equals "17"
  end)
end)

describe("connector.nav filter", function()
  local schema = { fields = { d = { type = "date" }, t = { type = "datetime" }, n = { type = "decimal" },
                              i = { type = "integer" }, b = { type = "boolean" }, s = { type = "char" },
                              g = { type = "guid" } } }
  it("writes literals by type", function()
    local function clause(field, v) return filter.clause(schema, field, "eq", v) end
    expect(clause("d", "2026-11-24")):equals "d eq 2026-11-24"
    expect(clause("d", json.null)):equals "d eq 0001-01-01"
    expect(clause("t", "2026-11-24T06:11:19.73Z")):equals "t eq 2026-11-24T06:11:19.73Z"
    expect(clause("n", decimal.new "12.50")):equals "n eq 12.50"
    expect(clause("i", 7)):equals "i eq 7"
    expect(clause("b", false)):equals "b eq false"
    expect(clause("s", "G/L 'A'")):equals "s eq 'G/L ''A'''"
    expect(clause("g", "00000000-0000-0000-0000-000000000000")):matches "eq 0000"
  end)
  it("refuses what cannot be a literal of the type", function()
    expect.raises(function() filter.clause(schema, "d", "eq", "2026-11-24' or 1") end, "cannot be compared")
    expect.raises(function() filter.clause(schema, "i", "eq", "7") end, "cannot be compared")
    expect.raises(function() filter.clause(schema, "s", "like", "x") end, "unknown operator")
  end)
end)

describe("connector.nav errors", function()
  local endpoint = { name = "nav", user = "navodoo", company = "CRONUS", service = "ODataV4" }
  local function of(status, code, message, write)
    return errors.of(endpoint, "Customer", { status = status, headers = {}, body = code == nil and message
      or assert(json.encode { error = { code = code, message = message } }) }, write)
  end

  for _, recorded in ipairs(data "errors") do
    it("knows: " .. recorded.kind, function()
      local code = recorded.code ~= json.null and recorded.code or ""
      local err = of(recorded.http, code, recorded.message)
      expect(err.class):equals(recorded.class)
      if recorded.field then expect(err.field):equals(recorded.field) end
      expect(err.http):equals(recorded.http)
      expect(err.text:find("\n")):is_nil()
      expect(err.text):matches "^nav: Customer: ."
      expect(err.text:find("CorrelationId", 1, true)):is_nil()
    end)
  end

  it("calls the outcome of a write unknown where the answer does not tell", function()
    for _, status in ipairs { 408, 500, 502, 504 } do
      local err = of(status, nil, "<html><title>Gateway</title></html>", true)
      expect(status .. err.class):equals(status .. "unknown")
      expect(err.maybe_sent):is_true()
      expect(of(status, nil, "<html></html>").class):equals "transient"
    end
    expect(of(500, "Internal_ServerError", "SQL is down", true).class):equals "transient"
    expect(of(409, "Internal_ServerError", "The transaction was deadlocked. Please retry.", true).class)
      :equals "transient"
    expect(of(400, "Application_DialogException", "... was deadlocked ...", true).class):equals "transient"
    expect(of(503, nil, "", true).class):equals "transient"
  end)

  it("says what can be done about login, rights, company and address", function()
    expect(of(401, nil, "").text):matches "^nav: Customer: HTTP status 401; are user navodoo and its"
    expect(of(400, "Internal_X", "You do not have the following permissions on TableData Customer: Read").class)
      :equals "config"
    expect(of(403, "Authorization_Denied", "no").class):equals "config"
    expect(of(404, "Internal_CompanyNotFound", "gone").text):matches 'is there a company "CRONUS"%?'
    expect(of(404, nil, "<html>nginx</html>").text):matches "end in /ODataV4%?"
    expect(of(413, nil, "").code):equals "too_large"
    expect(of(412, nil, "").class):equals "conflict"
    expect(of(501, nil, "").class):equals "bug"
    expect(of(302, nil, "").class):equals "config"
    expect(of(405, nil, "").class):equals "config"
    expect(of(418, nil, "").class):equals "invalid"
  end)

  it("tells the breaker of what concerns the whole system only", function()
    local conn, log = open { answer({ status = 503, body = "" }), answer({ status = 400, body = "" }),
      { failed = { code = "network", text = "nav (host:7048): connection refused", maybe_sent = false } },
      { failed = { code = "breaker_open", text = "nav does not answer", maybe_sent = false, retry_after_ms = 7 } } }
    local function scan()
      return select(2, conn:scan("Customer", { fields = FIELDS, limit = 1 }))
    end
    expect(scan().class):equals "transient"
    expect(scan().class):equals "invalid"
    local err = scan()
    expect(err.class .. " " .. err.code):equals "transient network"
    expect(err.text):matches "^nav %(host:7048%): connection refused, calling Customer; is it running"
    err = scan()
    expect(err.retry_after_ms):equals(7)
    expect(table.concat(log.reported, ",")):equals "ok,fail,ok,fail"
  end)

  it("asks a question again that fails for a moment, and writes once", function()
    local busy = answer { status = 503, body = "" }
    busy.retry_after_ms = 1
    call.TRIES = 3
    local conn, log = open { busy, busy, page { { No = "C1", Name = "x", Balance_LCY = 1 } }, busy, busy, busy, busy }
    assert(conn:scan("Customer", { fields = FIELDS, limit = 1 }))
    expect(#log.asked):equals(3)
    expect(select(2, conn:scan("Customer", { fields = FIELDS, limit = 1 })).http):equals(503) -- three times
    expect(#log.asked):equals(6)
    expect(select(2, conn:create("Customer", { { "Name", "x" } }, FIELDS)).http):equals(503)
    expect(#log.asked):equals(7)
    busy.retry_after_ms = 60000 -- that is for the caller to wait
    conn, log = open { busy }
    expect(select(2, conn:scan("Customer", { fields = FIELDS, limit = 1 })).http):equals(503)
    expect(#log.asked):equals(1)
    call.TRIES = 1
  end)

  it("takes Retry-After from the answer", function()
    local busy = answer { status = 429, body = "" }
    busy.retry_after_ms = 2500
    local conn, log = open { busy }
    local _, err = conn:scan("Customer", { fields = FIELDS, limit = 1 })
    expect(err.retry_after_ms):equals(2500)
    expect(log.reported[#log.reported]):equals "fail 2500"
  end)

  it("does not read an answer that would hold the loop", function()
    local conn = open { answer { status = 200, body = '{"value":[' .. ("[],"):rep(1000000) .. "1]}" } }
    local _, err = conn:scan("Customer", { fields = FIELDS, limit = 1 })
    expect(err.text):matches "more values than are taken at once"
  end)

  it("does not take another server's page for data", function()
    local conn = open { answer { status = 200, body = "<html><title>Login</title></html>" },
                        answer { status = 200, body = '{"value":[{"No":"C1"' } }
    local _, err = conn:scan("Customer", { fields = FIELDS, limit = 1 })
    expect(err.class .. " " .. err.text):matches "^config nav: Customer: Login; does the url"
    _, err = conn:scan("Customer", { fields = FIELDS, limit = 1 })
    expect(err.class .. " " .. err.text):matches "^transient nav: Customer: the answer is not JSON"
  end)
end)
