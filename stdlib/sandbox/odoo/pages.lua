--- The pages of plain HTTP trouble, as the web layer below Odoo writes them.

local pages = {}

local ESCAPES <const> = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;" }

local function escaped(s)
  return (s:gsub('[&<>"]', ESCAPES))
end

-- 14 runs on an older Werkzeug, whose pages look otherwise and whose headers are fewer.
local function page(version, status, title, text, headers)
  local body
  if version >= 17 then
    body = ("<!doctype html>\n<html lang=en>\n<title>%d %s</title>\n<h1>%s</h1>\n<p>%s</p>\n")
      :format(status, title, title, text)
  else
    body = ('<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 3.2 Final//EN">\n<title>%d %s</title>\n'
      .. "<h1>%s</h1>\n<p>%s</p>\n"):format(status, title, title, text)
  end
  headers = headers or {}
  headers["Content-Type"] = "text/html; charset=utf-8"
  return { status = status, headers = headers, body = body }
end

local function bare(text)
  return { status = 400, headers = { ["Content-Type"] = "text/html; charset=utf-8" }, body = text }
end

--- A body that is no JSON.
function pages.bad_json(version, body)
  if version >= 17 then return bare("Invalid JSON data") end
  local mark = body:find("'", 1, true) and '"' or "'"
  return page(version, 400, "Bad Request", "Invalid JSON data: "
    .. escaped(mark .. body .. mark):gsub("'", "'"))
end

--- JSON that is no request object: a batch above all.
function pages.bad_request_shape(version)
  if version >= 17 then return bare("Invalid JSON-RPC data") end
  return pages.server_error(version)
end

--- A door for JSON that was asked with something else.
function pages.wrong_type(version, method, path)
  if version < 17 then
    if method == "GET" then
      return page(version, 400, "Bad Request", ("&lt;function at 0x7f0000000000&gt;, %s: Function "
        .. "declared as capable of handling request of type 'json' but called with a request of "
        .. "type 'http'"):format(escaped(path)))
    end
    return page(version, 400, "Bad Request", "Session expired (invalid CSRF token)")
  end
  if version < 19 then
    return page(version, 400, "Bad Request", ("Request inferred type is compatible with "
      .. "[&#39;http&#39;] but &#39;%s&#39; is type=&#39;json&#39;."):format(escaped(path)))
  end
  local kinds = method == "GET" and "&#39;http&#39;, &#39;json2&#39;" or "&#39;http&#39;"
  local kind = path:find("^/json/2/") and "json2" or "jsonrpc"
  local shown = kind == "json2" and "/json/2/&lt;__model__&gt;/&lt;__method__&gt;" or escaped(path)
  return page(version, 415, "Unsupported Media Type", ("Request inferred type is compatible with "
    .. "[%s] but &#39;%s&#39; is type=&#39;%s&#39;.<br><br>Please verify the Content-Type request "
    .. "header and try again."):format(kinds, shown, kind), { Accept = "application/json" })
end

function pages.wrong_method(version)
  return page(version, 405, "Method Not Allowed",
    "The method is not allowed for the requested URL.",
    { Allow = version >= 17 and "OPTIONS, POST" or "POST" })
end

function pages.not_found(version)
  return page(version, 404, "Not Found", "The requested URL was not found on the server. If you "
    .. "entered the URL manually please check your spelling and try again.")
end

function pages.server_error(version)
  return page(version, 500, "Internal Server Error", "The server encountered an internal error and "
    .. "was unable to complete your request. Either the server is overloaded or there is an error "
    .. "in the application.")
end

--- X-Odoo-Database names no database of this server.
function pages.no_database()
  return { status = 404, headers = { ["Content-Type"] = "text/html; charset=utf-8" },
    body = "<!DOCTYPE html>\n<title>404 Not Found</title>\n<h1>Not Found</h1>\n<p>No database is "
      .. "selected and the requested URL was not found in the server-wide controllers.</p>\n<p>"
      .. "Please verify the hostname, <a href=/web/login>login</a> and try again.</p>\n\n<!-- "
      .. "Alternatively, use the X-Odoo-Database header. -->\n" }
end

return pages
