-- wrk's script: sends one request, as it stands in a file, and looks at every reply. A file with {unique} in it is
-- another request each time: there stands a number of eight digits, from FIRST on.
--   wrk -t1 … -s verify.lua URL -- REQUEST_FILE BODY_LENGTH X_CACHE FIRST     (X_CACHE "-": the server has no cache)
-- Prints one line of JSON at the end. One thread only: done() asks that one for what it saw.

local bytes, length, cache, number, threads = nil, nil, nil, nil, {}
local before, after = nil, nil
wrong = 0
bypassed = 0
first = ""

function setup(thread)
    table.insert(threads, thread)
end

function init(args)
    local file = assert(io.open(args[1], "rb"))
    bytes = file:read("*a")
    file:close()
    length = tonumber(args[2])
    cache = args[3] ~= "-" and args[3] or nil
    number = tonumber(args[4])
    before, after = bytes:match("^(.*){unique}(.*)$")
end

function request()
    if not before then
        return bytes
    end
    number = number + 1
    return before .. string.format("%08d", number) .. after
end

function response(status, headers, body)
    if status == 200 and #body == length and headers["X-Cache"] == cache then
        return
    end
    if status == 200 and #body == length and headers["X-Cache"] == "BYPASS" then
        bypassed = bypassed + 1
    else
        wrong = wrong + 1
        if first == "" then
            first = string.format("status %d, %d bytes, X-Cache %s", status, #body, tostring(headers["X-Cache"]))
        end
    end
end

function done(summary)
    local e = summary.errors
    io.write(string.format(
        '{"requests": %d, "seconds": %.6f, "socket_errors": %d, "wrong": %d, "bypassed": %d, "first_wrong": "%s"}\n',
        summary.requests, summary.duration / 1e6, e.connect + e.read + e.write + e.timeout,
        threads[1]:get("wrong"), threads[1]:get("bypassed"), threads[1]:get("first")))
end
