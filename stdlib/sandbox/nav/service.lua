--- The OData services (V4 and V3) of the sandbox NAV: address, sign-in, verbs, what each answers.
--
-- The order of refusals: instance, protocol, credentials, query names, company, service, method,
-- key, record, tag, and only then what the table says about the fields.

local text = require "navodoo.text"
local answer = require "sandbox.nav.answer"
local auth = require "sandbox.nav.auth"
local behaviour = require "sandbox.nav.behaviour"
local etag = require "sandbox.nav.etag"
local metadata = require "sandbox.nav.metadata"
local metadata_v3 = require "sandbox.nav.metadata_v3"
local ordered = require "sandbox.nav.ordered"
local pages = require "sandbox.nav.pages"
local query = require "sandbox.nav.query"
local record = require "sandbox.nav.record"
local refusal = require "sandbox.nav.refusal"
local values = require "sandbox.nav.values"
local wire = require "sandbox.nav.wire"

local service = {}

local INSTANCE <const> = "DynamicsNAV110"

-- The request ----------------------------------------------------------------------------------------------

local function split_path(path)
  local raw_path, raw_query = path:match("^([^?#]*)%??([^#]*)")
  local segments = {}
  for part in raw_path:gmatch("[^/]+") do segments[#segments + 1] = part end
  return segments, raw_query
end

-- "Name('key')" -> name, key text in its brackets
local function split_segment(segment)
  local plain = query.decode(segment)
  local name, inner = plain:match("^([^%(]*)%((.*)%)$")
  return name or plain, inner
end

-- A call: what the handlers below share.
---@class sandbox.nav.Call
---@field request table
---@field state table
---@field root string        http://host/DynamicsNAV110/ODataV4, or its V3
---@field wire sandbox.nav.Wire
---@field address string     of this request, without its query
---@field raw_query string
---@field company string?    named in the path, percent-encoded
---@field page table
---@field t sandbox.nav.Rows
---@field options table<string, string>
---@field now integer

local function tag_of(call, key)
  return etag.of_chain(etag.chain(call.page.table.no, key, call.t.versions[key]))
end

-- The head of an answer. A record that was asked for by its key stands at the address asked.
local function head_of(call, single)
  local collection, named = call.address:gsub("%([^/]*%)$", ""), #call.page.keys > 1
  return {
    context = call.wire.context(call.root, call.company, call.page.service, single), single = single,
    address = function(key) return ("%s(%s)"):format(collection, query.key_text(key, call.page.keys, named)) end,
  }
end

local function entity_answer(call, status, key, properties, headers)
  local all = { ETag = tag_of(call, key) }
  for name, value in pairs(headers or {}) do all[name] = value end
  local columns = answer.columns(properties, call.state, call.wire)
  return answer.json(call.wire, status, answer.entity(call.page, call.t, key, columns, head_of(call, true)), all)
end

local function next_link(call, key)
  local kept = {}
  for part in call.raw_query:gmatch("[^&]+") do
    if query.decode(part:match("^[^=]*")) ~= "$skiptoken" then kept[#kept + 1] = part end
  end
  kept[#kept + 1] = "$skiptoken=" .. query.key_text(key, call.page.keys, false)
  return call.address .. "?" .. table.concat(kept, "&")
end

-- Reading --------------------------------------------------------------------------------------------------

local function get_list(call)
  local plan, refused = query.plan(call.page, call.options, call.wire)
  if not plan then return nil, refused end
  local size, asked = query.page_size(call.request.headers.prefer, call.state.page_size)
  local keys, last = query.run(call.page, call.t, plan, size)
  call.state.stats.reads = call.state.stats.reads + #keys
  local head = head_of(call, false)
  head.next_link = last and next_link(call, last)
  head.count = plan.count and query.count(call.page, call.t, plan) or nil
  local body = answer.list(call.page, call.t, keys, answer.columns(plan.selected, call.state, call.wire), head)
  return answer.json(call.wire, 200, body, asked and { ["Preference-Applied"] = "odata.maxpagesize=" .. size } or nil)
end

local function get_count(call)
  local plan, refused = query.plan(call.page, call.options, call.wire)
  if not plan then return nil, refused end
  return answer.raw(call.wire, 200, "text/plain", tostring(query.count(call.page, call.t, plan)))
end

local function get_entity(call, key)
  local properties, refused = query.selected(call.page, call.options)
  if not properties then return nil, refused end
  call.state.stats.reads = call.state.stats.reads + 1
  return entity_answer(call, 200, key, properties)
end

-- Writing --------------------------------------------------------------------------------------------------

-- The body as changes in payload order. What the OData layer refuses (names, JSON types) comes before
-- what NAV refuses, whatever the order.
local function changes_of(call, updating)
  local members = ordered.members(call.request.body or "")
  if not members then return nil, refusal.bad_body() end
  local changes = {}
  for _, member in ipairs(members) do
    local property = call.page.by_name[member.key]
    if not property and not member.key:find("@", 1, true) then
      return nil, refusal.unknown_property(member.key, call.page.service)
    end
    local is_key = property and call.page.is_key[property.name]
    if property and not property.etag and not property.flow_filter and not (updating and is_key) then
      local change = { name = property.field and property.field.name }
      if property.readonly then
        change.refused = refusal.read_only(property.label)
      elseif property.taken then
        if type(member.value) ~= "string" then return nil, refusal.bad_body() end
        change.variable, change.value = property.name, values.code(member.value)
      else
        change.value, change.refused = values.convert(property.field,
          call.wire.given(property.field, member.value), property.name)
        local refused = change.refused
        if refused and refused.code:find("^BadRequest") then return nil, refused end
      end
      changes[#changes + 1] = change
    end
  end
  return changes
end

local function context_of(call) return { state = call.state, gui = false, now = call.now } end

-- Counts a write, in all and of its table.
local function count_write(call, kind)
  local stats, name = call.state.stats, call.page.table.name
  stats[kind] = stats[kind] + 1
  stats.tables[name] = stats.tables[name] or { creates = 0, updates = 0, deletes = 0 }
  stats.tables[name][kind] = stats.tables[name][kind] + 1
end

local function post(call)
  local changes, refused = changes_of(call, false)
  if not changes then return nil, refused end
  local key
  key, refused = record.insert(behaviour[call.page.table.name], context_of(call), changes)
  if not key then return nil, refused end
  count_write(call, "creates")
  return entity_answer(call, 201, key, call.page.properties, { Location = head_of(call, true).address(key) })
end

local function check_tag(call, key, needed)
  local header = call.request.headers["if-match"]
  if not header and not needed then return nil end
  local chain = etag.parse(header)
  if not chain then return refusal.no_token() end
  if chain ~= "*" and chain ~= etag.chain(call.page.table.no, key, call.t.versions[key]) then
    return refusal.changed()
  end
end

local function patch(call, key)
  local refused = check_tag(call, key, true)
  if refused then return nil, refused end
  local changes
  changes, refused = changes_of(call, true)
  if not changes then return nil, refused end
  refused = record.modify(behaviour[call.page.table.name], context_of(call), key, changes)
  if refused then return nil, refused end
  count_write(call, "updates")
  if not call.wire.answers_updates then return answer.nothing(call.wire, { ETag = tag_of(call, key) }) end
  return entity_answer(call, 200, key, call.page.properties)
end

local function delete(call, key)
  local refused = check_tag(call, key, false)
    or record.delete(behaviour[call.page.table.name], context_of(call), key)
  if refused then return nil, refused end
  count_write(call, "deletes")
  return answer.nothing(call.wire)
end

-- Routing --------------------------------------------------------------------------------------------------

local function collection(call)
  local method, page = call.request.method, call.page
  if method == "GET" then return get_list(call) end
  if method == "POST" and page.insert_allowed then return post(call) end
  return nil, refusal.method(method, page.service, "Collection")
end

local function entity(call, inner)
  local method, page = call.request.method, call.page
  if call.wire.v3 then inner = inner:gsub("^guid'(.*)'$", "%1") end
  local key = query.address_key(page, inner)
  if not key then return nil, refusal.key_syntax() end
  local allowed = method == "GET" or method == "DELETE" and page.delete_allowed
    or call.wire.updates[method] and page.modify_allowed
  if not allowed then return nil, refusal.method(method, page.service, "Entity") end
  if not call.t.by_key[key] then return nil, refusal.no_segment(page.service) end
  if method == "GET" then return get_entity(call, key) end
  if method == "DELETE" then return delete(call, key) end
  return patch(call, key)
end

-- The page's part of the path: CustomerCard, CustomerCard('x'), CustomerCard/$count, an action.
local function page_route(call, segments, at)
  local name, inner = split_segment(segments[at])
  local page = pages.by_service[name]
  if not page then return nil, refusal.no_segment(name) end
  call.page, call.t = page, call.state.tables[page.table.name]
  local tail = segments[at + 1]
  if not tail then
    if not inner then return collection(call) end
    return entity(call, inner)
  end
  if segments[at + 2] then return nil, refusal.no_segment(query.decode(segments[at + 2])) end
  if tail == "$count" and not inner and call.request.method == "GET" then
    return get_count(call)
  end
  if tail:find("^NAV%.") and inner then return nil, refusal.no_action() end
  return nil, refusal.no_segment(query.decode(tail))
end

local function company_route(call, segments, at)
  local _, inner = split_segment(segments[at])
  local state, method = call.state, call.request.method
  if not inner then
    if segments[at + 1] then return nil, refusal.no_segment(query.decode(segments[at + 1])) end
    if method ~= "GET" then return nil, refusal.method(method, "Company", "Collection") end
    return answer.json(call.wire, 200, metadata.companies(state, call.root, false, call.wire))
  end
  local company = query.key(inner, { "Name" })
  if not company then return nil, refusal.key_syntax() end
  if company ~= state.company then return nil, refusal.no_company() end
  if segments[at + 1] then
    call.company = query.encode((company:gsub("'", "''")))
    return page_route(call, segments, at + 1)
  end
  if method ~= "GET" then return nil, refusal.method(method, "Company", "Entity") end
  return answer.json(call.wire, 200, metadata.companies(state, call.root, true, call.wire))
end

local function service_route(call, segments, at)
  local first, method = segments[at], call.request.method
  if not first then
    if method ~= "GET" then return nil, refusal.method(method, call.wire.service, "Entity") end
    return answer.json(call.wire, 200, metadata.service(call.root, call.wire))
  end
  if query.decode(first) == "$metadata" then
    if method ~= "GET" then return nil, refusal.method(method, "$metadata", "Entity") end
    return answer.raw(call.wire, 200, "application/xml", call.wire.v3 and metadata_v3.xml() or metadata.xml())
  end
  if split_segment(first) == "Company" then return company_route(call, segments, at) end
  local company = call.options.company
  if company and company ~= call.state.company then return nil, refusal.no_company() end
  return page_route(call, segments, at)
end

local function count_call(state, method, segments)
  local family = "other"
  for at = 3, #segments do
    local name = split_segment(segments[at])
    if pages.by_service[name] or name == "$metadata" then family = name end
    if name == "Company" and family == "other" then family = name end
  end
  local name = method .. " " .. family
  state.stats.calls[name] = (state.stats.calls[name] or 0) + 1
end

local function route(request, state, now, its)
  if auth.is_token_path(request.path) then return auth.token(request, state, now) end
  local segments, raw_query = split_path(request.path)
  count_call(state, request.method, segments)
  if (segments[1] or ""):lower() ~= INSTANCE:lower() then
    return { status = 404, headers = { ["Content-Type"] = "text/html; charset=us-ascii" },
             body = "<h2>Not Found</h2><hr><p>HTTP Error 404. The requested resource is not found.</p>" }
  end
  local protocol = (segments[2] or ""):lower()
  if protocol == "api" or protocol == "ws" then -- switched off here
    return { status = 405, headers = { Allow = "" }, body = "" }
  end
  if not text.valid(query.decode(request.path)) then return nil, refusal.query_syntax() end
  if protocol ~= "odatav4" and protocol ~= "odata" then
    return nil, refusal.no_segment(query.decode(segments[2] or ""))
  end
  local challenge = auth.challenge(request, state, now)
  if challenge then return nil, refusal.credentials(challenge) end
  local options, refused = query.options(raw_query)
  if not options then return nil, refused end
  local host = "http://" .. (request.headers.host or "localhost:7048")
  local root = host .. "/" .. INSTANCE .. "/" .. its.service
  return service_route({
    request = request, state = state, now = now, options = options, raw_query = raw_query, root = root,
    wire = its, address = host .. request.path:match("^[^?#]*"),
  }, segments, 3)
end

--- Answers one request.
---@param request { method: string, path: string, headers: table<string, string>, body: string? }
---@param state table
---@param clock { now: fun(): integer }   microseconds since the epoch
---@return { status: integer, headers: table<string, string>, body: string }
function service.handle(request, state, clock)
  local its = wire.of(request)
  local response, refused = route(request, state, clock.now(), its)
  if response then return response end
  state.stats.refused = state.stats.refused + 1
  return answer.refused(its, refused)
end

return service
