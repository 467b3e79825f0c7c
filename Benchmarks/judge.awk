# Holds what was measured against the rules of every toolchain and the limits of this one, prints the table, and exits 1
# where a rule is broken.

BEGIN { if (limits == "/dev/null") limits = "" }

/^#/ || NF == 0 { next }

FILENAME ~ /every-toolchain/ { rules[++ruleCount] = $0; next }

limits != "" && FILENAME == limits { limit[$1] = $2; next }

{ order[++count] = $1; instructions[$1] = $2; allocations[$1] = $3; retains[$1] = $4; releases[$1] = $5; compressions[$1] = $6 }

END {
    for (name in limit) if (!(name in instructions)) complain(name " has a limit and was not measured")
    for (i = 1; i <= count; i++) if (limits != "" && order[i] !~ /^(loop|control)/) within(order[i])
    for (i = 1; i <= ruleCount; i++) { split(rules[i], rule, " "); judge(rule[1], rule[2], rule[3], rule[4]) }
    print_table()
    for (i = 1; i <= complaints; i++) print "gate: " complaint[i]
    if (complaints) exit 1
    print "gate: " count " probes, every limit kept"
}

function complain(message) { complaint[++complaints] = message }

function within(name) {
    if (!(name in limit)) complain(name " has no limit: Benchmarks/gate --record")
    else if (instructions[name] > limit[name])
        complain(name " takes " instructions[name] " instructions, the limit is " limit[name])
}

# zero PREFIX                no allocation, retain or release in any probe whose name begins so
# seen NAME                  the control's events are found, each exactly once
# ratio LIMIT NAME BASE      NAME takes at most LIMIT times the instructions of BASE
# beyond LIMIT NAME BASE     NAME takes at most LIMIT instructions more than BASE
# most LIMIT NAME            NAME takes at most LIMIT instructions
# allocations N NAME         NAME allocates at most N times
# retains N NAME             NAME retains at most N times
# compressions N NAME        NAME calls the compression of SHA-256 exactly N times
function judge(kind, first, second, third,    i, name, matched) {
    if (kind == "zero") {
        for (i = 1; i <= count; i++) {
            name = order[i]
            if (index(name, first) != 1) continue
            matched = 1
            zero[name] = 1
            if (allocations[name] != 0) complain(name " allocates (" allocations[name] " each)")
            if (retains[name] != 0) complain(name " retains (" retains[name] " each)")
            if (releases[name] != 0) complain(name " releases (" releases[name] " each)")
        }
        if (!matched) complain("no probe begins with " first)
    } else if (kind == "seen") {
        if (!(first in instructions)) { complain(first " was not measured"); return }
        if (second == "allocations" && allocations[first] != 1) complain(first " must show 1 allocation: the gate is blind")
        if (second == "retains" && retains[first] != 1) complain(first " must show 1 retain: the gate is blind")
        if (second == "releases" && releases[first] != 1) complain(first " must show 1 release: the gate is blind")
    } else if (kind == "ratio") {
        if (!(second in instructions) || !(third in instructions)) {
            complain("the ratio of " second " to " third " was not measured")
        } else if (instructions[second] > first * instructions[third])
            complain(sprintf("%s takes %.2f times %s, the limit is %s", second, instructions[second] / instructions[third],
                third, first))
    } else if (kind == "beyond") {
        if (!(second in instructions) || !(third in instructions)) {
            complain("how far " second " goes beyond " third " was not measured")
        } else if (instructions[second] > first + instructions[third])
            complain(sprintf("%s takes %d instructions more than %s, the limit is %d", second,
                instructions[second] - instructions[third], third, first))
    } else if (kind == "most") {
        if (!(second in instructions)) complain(second " was not measured")
        else if (instructions[second] > first)
            complain(second " takes " instructions[second] " instructions, the limit is " first)
    } else if (kind == "allocations") {
        if (!(second in allocations)) complain(second " was not measured")
        else if (allocations[second] > first)
            complain(second " allocates " allocations[second] " times, the limit is " first)
    } else if (kind == "retains") {
        if (!(second in retains)) complain(second " was not measured")
        else if (retains[second] > first) complain(second " retains " retains[second] " times, the limit is " first)
    } else if (kind == "compressions") {
        if (!(second in instructions)) { complain("the compressions of " second " were not measured"); return }
        hashed[second] = first
        if (compressions[second] != first)
            complain(sprintf("%s compresses %s times, not %d", second, compressions[second], first))
    } else complain("unknown rule: " kind)
}

function print_table(    i, name) {
    printf "%-34s %12s %12s %9s %9s %7s   %s\n", "", "instructions", "allocations", "retains", "releases", "SHA-256",
        "limit"
    for (i = 1; i <= count; i++) {
        name = order[i]
        printf "%-34s %12s %12s %9s %9s %7s   %s\n", name, instructions[name], allocations[name], retains[name],
            releases[name], compressions[name], (name in limit ? limit[name] " instructions" : "") \
            (name in zero ? ", 0 allocated or counted" : "") (name in hashed ? ", " hashed[name] " compressions" : "")
    }
}
