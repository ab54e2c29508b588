--- Records of jobs that were just stored, kept as they were read.
--
-- A batch that begins soon after its poll need not read the payload back and decode it
-- again. Only a convenience: whatever is not here is in the store, and a record that
-- changed meanwhile has another hash. Bounded by a number of records.

local held = {}
held.__index = held

---@param limit integer  records at most
---@return navodoo.Held
function held.new(limit)
  return setmetatable({ limit = limit, count = 0, records = {}, hashes = {}, payloads = {} }, held)
end

---@class navodoo.Held
---@field limit integer
---@field count integer
---@field records table<string, table>   by name of the record
---@field hashes table<string, string>   of the payload
---@field payloads table<string, string>

--- Keeps a record while there is room.
---@param name string
---@param hash string
---@param record table  typed as the connector gave it
---@param payload string
function held:put(name, hash, record, payload)
  if not self.hashes[name] then
    if self.count >= self.limit then return end
    self.count = self.count + 1
  end
  self.hashes[name], self.records[name], self.payloads[name] = hash, record, payload
end

--- The record with this content, which is forgotten here; nil when it is not kept.
---@param name string
---@param hash string
---@return table|nil record
---@return string|nil payload
function held:take(name, hash)
  local known = self.hashes[name]
  if not known then return nil end
  local record, payload = self.records[name], self.payloads[name]
  self.hashes[name], self.records[name], self.payloads[name] = nil, nil, nil
  self.count = self.count - 1
  if known == hash then return record, payload end
  return nil
end

--- Forgets everything: nothing waits, so what is left belongs to no job.
function held:clear()
  if self.count > 0 then self.count, self.records, self.hashes, self.payloads = 0, {}, {}, {} end
end

return held
