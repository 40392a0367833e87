-- The two-request scenario for wrk. A script of wrk does not see which connection it serves, so tokens go through a queue: each
-- that was issued is spent by the next request that is sent, on whichever connection.
local tokens, first, last = {}, 1, 0
local json = { ["Content-Type"] = "application/json" }

function request()
  if first > last then
    return wrk.format("POST", "/queue/tokens", json, '{"userId":' .. math.random(1, 1000000) .. "}")
  end
  local token = tokens[first]
  tokens[first] = nil
  first = first + 1
  return wrk.format("GET", "/concerts/1/available-dates", { ["Authorization"] = "Bearer " .. token })
end

function response(status, headers, body)
  local token = status == 200 and string.match(body, '"token":"([^"]+)"')
  if token then
    last = last + 1
    tokens[last] = token
  end
end
