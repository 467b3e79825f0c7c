# Reads the list of probes (first line: the operations between a probe's two counts) and the profiles that callgrind
# wrote, three for each probe in that order: a warm-up, and two counts. Prints: name, instructions, allocations, retains,
# releases and compressions of SHA-256 of one operation, in hundredths where they do not come out even.
#
# A retain or release counts where it changes a count. A small string has none: the runtime is called all the same, and
# returns within ten instructions.

BEGIN {
    allocations = "^(malloc|calloc|realloc|posix_memalign|aligned_alloc|memalign)$"
    # Bridge objects are passed on to these.
    retains = "^swift_(nonatomic_)?(retain|unownedRetain)(_n)?$"
    releases = "^swift_(nonatomic_)?(release|unownedRelease)(_n)?$"
    returnsAtOnce = 10
    # `SHA256.State.compress`, which is never inlined, so that every compression is a call.
    compressions = "SHA256V5StateV8compress"
}

NR == 1 { operations = $1; next }

{
    first = 3 * (NR - 2) + 2
    read(first, fewer)
    read(first + 1, more)
    for (kind in more) each[kind] = (more[kind] - fewer[kind]) / operations
    if (NR == 2) loop = each["instructions"]
    if (more["instructions"] < operations) fail($1 " took " more["instructions"] " instructions: it measured nothing")
    printf "%s %s %s %s %s %s\n", $1, even(each["instructions"] - (NR == 2 ? 0 : loop)), even(each["allocations"]),
        even(each["retains"]), even(each["releases"]), even(each["compressions"])
}

END {
    if (NR < 2) fail("no probe is listed")
    if ((getline line < (profiles "/profile." (3 * (NR - 1) + 1))) > 0) fail("there are more profiles than probes")
}

function even(value) { return value == int(value) ? value : sprintf("%.2f", value) }

function fail(message) { print "gate: " message; exit 1 }

function read(number, counts,    file, line, callee, calls, parts, found) {
    file = profiles "/profile." number
    counts["instructions"] = counts["allocations"] = counts["retains"] = counts["releases"] = counts["compressions"] = 0
    while ((getline line < file) > 0) {
        if (line ~ /^summary:/) { split(line, parts, " "); counts["instructions"] = parts[2]; found = 1 }
        else if (line ~ /^cfn=/) { callee = substr(line, 5); sub(/'[0-9]+$/, "", callee) }
        else if (line ~ /^calls=/) {
            split(substr(line, 7), parts, " ")
            calls = parts[1]
            getline line < file
            split(line, parts, " ")
            if (callee ~ allocations) counts["allocations"] += calls
            if (callee ~ compressions) counts["compressions"] += calls
            if (parts[2] <= returnsAtOnce * calls) continue
            if (callee ~ retains) counts["retains"] += calls
            if (callee ~ releases) counts["releases"] += calls
        }
    }
    if (!found) fail("profile " number " of " $1 " is missing")
    close(file)
}
