--- JSON-2 of Odoo (from 19 on): one address per method, arguments by name, an API key.
--
-- The answer is the bare value, a fault is the bare fault object under a real status.

local json = require "navodoo.json"
local call = require "connector.call"
local errors = require "connector.odoo.errors"

local json2 = {}

--- Where records stand in an answer: it is the list.
json2.list = ""

local function exchange(conn, request)
  local endpoint, what, write = conn.endpoint, request.what, request.write
  return call.exchange(endpoint, request, function(res)
    if res.list then return res.list end
    local answer, why = call.decode(res.body)
    if not why and res.status == 200 then return answer end
    if type(answer) == "table" and type(answer.name) == "string" then
      return nil, errors.of_fault(endpoint, what, res.status, answer, write)
    end
    return nil, errors.of_page(endpoint, what, res, write)
  end)
end

--- What kind of server this is; needs no key.
---@param conn connector.Odoo
---@return table|nil info
---@return connector.Error|nil err
function json2.version(conn)
  return exchange(conn, { what = "version", path = "/web/version", headers = conn.headers, write = false,
                          anonymous = true })
end

--- Calls a method of a model.
---@param conn connector.Odoo
---@param model string
---@param method string
---@param args table   by name; `ids` for a method of records
---@param write boolean
---@param trial boolean?  a refused key is an answer
---@param plan navodoo.records.Plan?  reads the answer, where it is a list of records
---@return any result
---@return connector.Error|nil err
function json2.call(conn, model, method, args, write, trial, plan)
  local body = assert(json.encode(args))
  return exchange(conn, {
    what = model .. " " .. method, method = "POST", path = ("/json/2/%s/%s"):format(model, method),
    headers = conn.key_headers, body = body, write = write, trial = trial, plan = plan })
end

--- Does the server take our secret as an API key? One harmless call.
---@param conn connector.Odoo
---@return boolean|nil takes
---@return connector.Error|nil err
function json2.probe(conn)
  local _, err = json2.call(conn, "res.users", "context_get", {}, false, true)
  if not err then return true end
  if err.class == "auth" then return false end
  return nil, err
end

return json2
