--- The NAV connector over OData V3: what it reads and writes is what it does over V4, on a sandbox that
-- speaks both; forms of other servers from recorded answers.

local cache = require "navodoo.cache"
local config = require "navodoo.config"
local crypto = require "navodoo.crypto"
local decimal = require "navodoo.decimal"
local json = require "navodoo.json"
local call = require "connector.call"
local connector = require "connector"
local errors = require "connector.nav.errors"
local protocol = require "connector.nav.protocol"
local v3 = require "connector.nav.v3"
local nav = require "sandbox.nav"

call.TRIES = 1
call.report = function() end

local HERE <const> = debug.getinfo(1, "S").source:match "^@(.*)/[^/]*$" or "tests/stdlib"
local AUTH <const> = "Basic " .. crypto.base64("navodoo:sandbox")
local COMPANY <const> = "CRONUS International Ltd."

local state = nav.new { customers = 40, vendors = 10, contacts = 8, addresses = 8, items = 12,
                        page_size = 7 }
local clock = { now = function() return 1768867200 * 1000000 end } -- 2026-01-20
for _, table_name in ipairs { "Change Log Setup", "Integration Setup" } do
  nav.edit(state, { table = table_name, key = "Customer", action = "insert" }, clock)
end
for n, key in ipairs { "10000", "20000" } do
  nav.edit(state, { table = "Customer", key = key, fields = { { key = "Phone_No", value = "+49 " .. n } } }, clock)
end

--- A connection to the sandbox; `seen` gets every request, `answered` may change what comes back.
local function open(service, seen, answered, headers)
  local name = "nav " .. service
  cache.drop("endpoint:" .. name)
  local connection = connector.open { name = name, kind = "nav", user = "navodoo", company = COMPANY,
                                      url = "http://nav.example:7048/DynamicsNAV110/" .. service }
  local function request(spec)
    local lower = { authorization = AUTH, host = "nav.example:7048" }
    for header, value in pairs(spec.headers or {}) do lower[header:lower()] = value end
    for header, value in pairs(headers or {}) do lower[header] = value end
    if seen then seen[#seen + 1] = spec end
    local res = nav.handle({ method = spec.method or "GET", path = "/DynamicsNAV110/" .. service .. spec.path,
                             headers = lower, body = spec.body }, state, clock)
    local out = { status = res.status, body = res.body, headers = {} }
    for header, value in pairs(res.headers) do out.headers[header:lower()] = value end
    return answered and answered(spec, out) or out
  end
  return setmetatable({}, { __index = function(_, method)
    return function(_, ...)
      call.request = request
      return connection[method](connection, ...)
    end
  end })
end

local SERVICES <const> = { "CustomerCard", "CustomerList", "VendorCard", "ContactCard", "ShiptoAddress",
                           "ItemCard", "ContactBusinessRelations", "ChangeLogEntries", "IntegrationRecords" }

local function fields_of(connection, entity)
  local names = {}
  for name in pairs(assert(connection:schema(entity)).fields) do
    if name ~= "ETag" then names[#names + 1] = name end
  end
  table.sort(names)
  return names
end

-- All rows as texts: key, tag and record.
local function all(connection, entity, spec)
  local list, after, found = {}
  spec.limit = 9
  repeat
    spec.after_key = after
    found = assert(connection:scan(entity, spec))
    for _, row in ipairs(found.rows) do
      local record = row.record or row.records:record(row.at)
      list[#list + 1] = ("%s %s %s"):format(row.key, row.etag, assert(json.canonical(record)))
      after = row.key
    end
  until not found.more
  return list
end

describe("connector.nav over V3", function()
  for _, entity in ipairs(SERVICES) do
    it("sees " .. entity .. " as over V4", function()
      local one, two = open "ODataV4", open "OData"
      local fields, kinds, same = fields_of(one, entity), one:schema(entity).fields, two:schema(entity).fields
      expect(fields_of(two, entity)):equals(fields)
      for _, name in ipairs(fields) do
        expect(name .. " " .. same[name].type):equals(name .. " " .. kinds[name].type)
      end
      local wanted = all(one, entity, { fields = fields })
      expect(#wanted > 1):is_true()
      expect(all(two, entity, { fields = fields })):equals(wanted)
      expect(all(two, entity, { fields = fields, lazy = true })):equals(wanted)
    end)
  end

  it("reads verbose JSON of servers that know no other, ticks too", function()
    local old = { accept = "application/json;odata=verbose", maxdataserviceversion = "2.0" }
    local one, two = open "ODataV4", open("OData", nil, nil, old)
    for _, entity in ipairs { "CustomerCard", "ShiptoAddress" } do
      local fields = fields_of(one, entity)
      local wanted = all(one, entity, { fields = fields })
      expect(all(two, entity, { fields = fields })):equals(wanted)
      expect(all(two, entity, { fields = fields, lazy = true })):equals(wanted)
    end
    local changes = assert(two:scan("ChangeLogEntries", { fields = { "Date_and_Time" }, limit = 5 })).rows
    expect(changes[1].record.Date_and_Time):matches "^2026%-01%-20T00:00:00"
  end)

  it("takes an instant without a zone for UTC", function()
    local function zoneless(_, res)
      res.body = res.body:gsub('(T%d%d:%d%d:%d%d%.?%d*)Z"', '%1"')
      return res
    end
    local one, two = open "ODataV4", open("OData", nil, zoneless)
    local fields = fields_of(one, "ChangeLogEntries")
    local wanted = all(one, "ChangeLogEntries", { fields = fields })
    expect(all(two, "ChangeLogEntries", { fields = fields })):equals(wanted)
    expect(all(two, "ChangeLogEntries", { fields = fields, lazy = true })):equals(wanted)
  end)

  it("asks with the literals of V3, and finds the same", function()
    local seen = {}
    local one, two = open "ODataV4", open("OData", seen)
    for _, clause in ipairs { { "Last_Date_Modified", "ge", "2026-01-20" }, { "Last_Date_Modified", "eq", json.null },
        { "Credit_Limit_LCY", "gt", decimal.new "12.5" }, { "Credit_Limit_LCY", "le", 0 },
        { "Blocked", "eq", " " }, { "Combine_Shipments", "eq", true }, { "Name", "eq", "O'Neill" } } do
      local wanted = all(one, "CustomerCard", { fields = {}, where = { clause } })
      expect(all(two, "CustomerCard", { fields = {}, where = { clause } })):equals(wanted)
    end
    local asked = {}
    for _, request in ipairs(seen) do asked[#asked + 1] = request.path end
    asked = table.concat(asked, "\n")
    for _, text in ipairs { "ge%20datetime'2026-01-20T00:00:00'&", "eq%20datetime'0001-01-01T00:00:00'&",
                            "gt%2012.5M&", "le%200&", "$select=No,ETag&" } do
      expect(asked:find(text, 1, true) and text):equals(text)
    end
    expect(asked:find("null", 1, true)):is_nil()
    local from = { fields = {}, where = { { "Date_and_Time", "ge", "2026-01-20T00:00:00Z" } } }
    expect(#all(two, "ChangeLogEntries", from) > 0):is_true()
    expect(all(two, "ChangeLogEntries", from)):equals(all(one, "ChangeLogEntries", from))
  end)

  it("gets by key, of one field and of several", function()
    local one, two = open "ODataV4", open "OData"
    local keys = {}
    for n, row in ipairs(assert(one:scan("ShiptoAddress", { fields = {}, limit = 3 })).rows) do keys[n] = row.key end
    local records, _, etags = one:get("ShiptoAddress", keys, { "Name" })
    local again, _, tags = two:get("ShiptoAddress", keys, { "Name" })
    expect(again):equals(records)
    expect(tags):equals(etags)
  end)

  it("creates and updates, and tells a stale version and one that is gone", function()
    local seen = {}
    local two = open("OData", seen)
    local row = assert(two:create("CustomerCard", { { "Name", "Prüfstand" },
      { "Credit_Limit_LCY", decimal.new "12.50" }, { "Invoice_Copies", 2 }, { "Combine_Shipments", true } },
      { "Name", "Credit_Limit_LCY", "Last_Date_Modified" }))
    local sent = seen[#seen]
    expect(sent.method .. sent.body):equals('POST{"Name":"Prüfstand","Credit_Limit_LCY":"12.50","Invoice_Copies":2,'
      .. '"Combine_Shipments":true}')
    expect(tostring(row.record.Credit_Limit_LCY) .. row.record.Last_Date_Modified):equals "12.52026-01-20"
    local changed = assert(two:update("CustomerCard", row.key, row.etag, { { "Phone_No", "1" } }, { "Phone_No" }))
    sent = seen[#seen - 1]
    expect(sent.method .. sent.headers["If-Match"]):equals("MERGE" .. row.etag)
    expect(changed.record.Phone_No):equals "1"
    expect(changed.etag ~= row.etag):is_true()
    local function refused(etag, body)
      local _, err = two:update("CustomerCard", row.key, etag, body, {})
      return err.class .. " " .. err.code
    end
    expect(refused(row.etag, { { "Phone_No", "2" } })):equals "conflict Request_EntityChanged"
    expect(refused(changed.etag, { { "Country_Region_Code", "QQ" } })):equals "dependency Internal_InvalidTableRelation"
    expect(refused(changed.etag, { { "Name", ("x"):rep(51) } })):equals "invalid Application_StringExceededLength"
    nav.edit(state, { table = "Customer", key = row.key, action = "delete" }, clock)
    expect(refused(changed.etag, { { "Phone_No", "2" } })):equals "conflict gone"
  end)

  it("takes nobody else's change for its own, where the record is read again", function()
    local meddle, told = true, true
    local two = open("OData", nil, function(request, res)
      if request.method ~= "MERGE" then return end
      if meddle then
        nav.edit(state, { table = "Customer", key = "30000", fields = { { key = "Name", value = "Someone" } } }, clock)
      end
      if not told then res.headers.etag = nil end
    end)
    local function update()
      local _, _, etags = two:get("CustomerCard", { "30000" }, {})
      return two:update("CustomerCard", "30000", etags["30000"], { { "Phone_No", "7" } }, { "Name" })
    end
    local row, err = update()
    expect(row):is_nil()
    expect(err.class .. " " .. err.code):equals "unknown Request_EntityChanged"
    meddle = false
    expect(assert(update()).record.Name):equals "Someone"
    told = false
    expect(assert(update()).record.Name):equals "Someone"
  end)
end)

describe("connector.nav over V3, versions", function()
  it("are dressed as a real NAV sent them", function()
    expect(v3.tag_of "28;EgAAAAJ7BTEAMAAwADAAMAAAAAAA8;791241770;"):equals(
      "W/\"'28%3BEgAAAAJ7BTEAMAAwADAAMAAAAAAA8%3B791241770%3B'\"")
    expect(v3.tag_of "52;JAAAAACLAQAAAAJ7/0EAQgAtADEANgAwADAAMAAxADMAAAAAAA==8;824184700;"):equals(
      "W/\"'52%3BJAAAAACLAQAAAAJ7%2F0EAQgAtADEANgAwADAAMAAxADMAAAAAAA%3D%3D8%3B824184700%3B'\"")
  end)
end)

describe("connector.nav over V3, days and instants", function()
  it("are told apart by their names", function()
    for name in ("Last_Modified_Date_Time Last_DateTime_Modified Date_and_Time Modified_On Deleted_On "
        .. "Created_DateTime Last_Email_Sent_Time Quote_Sent_to_Customer"):gmatch "%S+" do
      expect(name .. v3.day_or_instant(name)):equals(name .. "datetime")
    end
    for name in ("Last_Date_Modified Posting_Date Due_Date Requested_Delivery_Date Closed_at_Date Starting_Date "
        .. "Date_of_Last_Interaction Order_Date Pmt_Discount_Date"):gmatch "%S+" do
      expect(name .. v3.day_or_instant(name)):equals(name .. "date")
    end
  end)
end)

describe("connector.nav over V3, refusals", function()
  local endpoint = { name = "nav", user = "navodoo", company = "CRONUS", service = "OData" }
  local file <close> = assert(io.open(HERE .. "/data/nav_wire/errors.json"))
  local function of(status, body)
    return errors.of(endpoint, "Customer", { status = status, headers = {}, body = body })
  end
  for _, recorded in ipairs(assert(json.decode(file:read "a"))) do
    it("knows by its words: " .. recorded.kind, function()
      local words = { code = "", message = { lang = "en-US", value = recorded.message } }
      local escaped = recorded.message:gsub("[&<>\"]",
        { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;" })
      for _, body in ipairs { assert(json.encode { ["odata.error"] = words }), assert(json.encode { error = words }),
          '<m:error xmlns:m="http://schemas.microsoft.com/ado/2007/08/dataservices/metadata"><m:code/>'
          .. '<m:message xml:lang="en-US">' .. escaped .. "</m:message></m:error>" } do
        local err = of(recorded.http, body)
        expect(err.class):equals(recorded.class)
        if recorded.field then expect(err.field):equals(recorded.field) end
      end
    end)
  end
  it("names the address where another server answers", function()
    expect(of(404, "<html>nginx</html>").text):matches "end in /OData%?"
    expect(of(412, "").class):equals "conflict"
  end)
end)

describe("NAV's protocol", function()
  it("is the one that is named, else that of the address, else V4", function()
    local function of(named, url) return protocol.of({ protocol = named, url = url }).name end
    expect(of(nil, "http://nav:7048/DynamicsNAV90/OData")):equals "odata_v3"
    expect(of(nil, "http://nav:7048/DynamicsNAV90/odata/")):equals "odata_v3"
    expect(of(nil, "http://nav:7048/DynamicsNAV110/ODataV4")):equals "odata_v4"
    expect(of(nil, "https://proxy.example/nav")):equals "odata_v4"
    expect(of("odata_v3", "https://proxy.example/nav")):equals "odata_v3"
    expect(of()):equals "odata_v4"
  end)
  it("fits address and endpoint, or is refused", function()
    local function problem(kind, named, url)
      return config.protocol_problem { kind = kind, protocol = named, url = url }
    end
    expect(problem("nav", "odata_v3", "https://proxy.example/nav")):is_nil()
    expect(problem("nav", "odata_v3", "http://nav:7048/DynamicsNAV90/OData")):is_nil()
    expect(problem("nav", nil, "http://nav:7048/DynamicsNAV90/OData")):is_nil()
    expect(problem("nav", "odata_v3", "http://nav:7048/DynamicsNAV110/ODataV4")):matches "ends in /ODataV4.*one of them"
    expect(problem("nav", "soap", "http://nav:7048/DynamicsNAV110/ODataV4")):matches 'got "soap"'
    expect(problem("odoo", "odata_v3", "http://odoo:8069")):matches "protocol is what NAV speaks"
  end)
end)
