-- Closures, tables, strings, patterns, coroutines, metatables, numbers of both kinds, errors and the collector.
local n = tonumber(arg[1])

local function fibonacci(k) return k < 2 and k or fibonacci(k - 1) + fibonacci(k - 2) end
print("fibonacci", fibonacci(n + 8))

local primes, composite = {}, {}
for i = 2, 2000 do
  if not composite[i] then
    primes[#primes + 1] = i
    for j = i * i, 2000, i do composite[j] = true end
  end
end
print("primes", #primes, table.concat(primes, " ", 1, 12))

local words = {}
for line in io.lines("text") do
  for word in line:gmatch("%a+") do words[word:lower()] = (words[word:lower()] or 0) + 1 end
end
local names = {}
for word in pairs(words) do names[#names + 1] = word end
table.sort(names, function(a, b) return words[a] > words[b] or words[a] == words[b] and a < b end)
for i = 1, 5 do print(names[i], words[names[i]]) end

print(string.format("%5.2f|%-8s|%x|%q|%g|%a|%i", math.pi, "left", 255, 'quo"ted\n', 1e100, 0.1, 42))
print(("page table walk"):gsub("(%w+) (%w+)", "%2 %1"), ("x"):rep(5, "-"), ("abc"):byte(1, -1))
print(string.pack("<i4d", 7, 1.5):byte(1, -1))
print(7 // 2, -7 // 2, 7 % -3, 7.5 // 2, 1 / 0, -1 / 0, 2 ^ 0.5, 10 // 0.0, 1 << 62, 5 // 1 | 0, math.maxinteger + 1 == math.mininteger)
print(math.sin(1), math.exp(1), math.log(10), math.fmod(-7, 3), math.tointeger(3.0), 3 | 4, ~5, 0x7fffffffffffffff, 1e15, 2^53)
print(tostring(1e15), 0.1 + 0.2, 100000000000000, 1e16, -0.0, tonumber("0x1p4"), tonumber("  12  "), tonumber("z", 36), #"\u{48}\u{20ac}")

local Account = {}
Account.__index = Account
Account.__add = function(a, b) return setmetatable({ sum = a.sum + b.sum }, Account) end
Account.__tostring = function(a) return "account of " .. a.sum end
print(tostring(setmetatable({ sum = 3 }, Account) + setmetatable({ sum = 4 }, Account)))

local producer = coroutine.wrap(function() for i = 1, n do coroutine.yield(i * i) end return "end" end)
local out = {}
for _ = 1, n + 1 do out[#out + 1] = tostring(producer()) end
print(table.concat(out, ","))

print(select(2, pcall(function() error({ code = 7 }) end)).code)
print(select(2, pcall(function() local t = nil; return t.x end)))
print(pcall(string.rep), pcall(error))

local garbage = 0
for i = 1, 20000 do local t = { i, tostring(i) }; garbage = garbage + #t[2] end
collectgarbage()
print("garbage", garbage, collectgarbage("count") < 2000)

math.randomseed(42)
print(math.random(1, 100), math.random(1, 100), math.random())
print(os.date("!%Y-%m-%d %H:%M:%S", 1700000000), os.time({ year = 2024, month = 2, day = 29, hour = 12 }) > 0, os.getenv("LANG"))
for line in io.lines() do io.write(line:upper(), ";") end
print(load("return 1 +"))
io.stderr:write("to standard error\n")
local file = assert(io.open("numbers"))
local sum, count = 0, 0
for x in file:lines("n") do sum = sum + x; count = count + 1 end
print(count, string.format("%.6f", sum), file:seek("end"))
os.exit(n)
