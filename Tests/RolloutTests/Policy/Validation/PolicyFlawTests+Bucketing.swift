@testable import Rollout

extension PolicyFlawTests {
    private static func bucketing(
        _ name: String,
        _ text: String,
        _ code: PolicyProblem.Code,
        _ path: String,
        _ message: String
    ) -> PolicyFlaw {
        .member(name, #""bucketing": \#(text)"#, code, ".bucketing\(path)", message)
    }

    private static let hashes =
        #"expected "murmur3-32", "murmur2-32", "crc-32", "fnv1a-32", "fnv1a-32-twice", "java-31", "md5", "sha-1", "#
        + #""sha-256" or "integer", found "#

    static let bucketings: [PolicyFlaw] =
        [
            ("murmur3", #""murmur3"; did you mean "murmur3-32"?"#), ("SHA256", #""SHA256"; did you mean "sha-256"?"#),
            ("crc32", #""crc32"; did you mean "crc-32"?"#), ("fnv1a", #""fnv1a"; did you mean "fnv1a-32"?"#),
            ("java", #""java"; did you mean "java-31"?"#), ("xxh3", #""xxh3""#),
        ].map { word, found in
            bucketing("the hash \(word)", #"{"hash": ▸"\#(word)"}"#, .unknownValue, ".hash", hashes + found)
        } + [
            bucketing(
                "a text without the unit",
                #"{"hash": "md5", "text": ▸"unit"}"#,
                .badText,
                ".text",
                #"expected a text with "{unit}" in exactly one place, found "unit" with none"#
            ),
            bucketing(
                "a text with two units",
                #"{"hash": "md5", "text": ▸"{unit}-{unit}"}"#,
                .badText,
                ".text",
                #"expected a text with "{unit}" in exactly one place, found "{unit}-{unit}" with 2"#
            ),
            bucketing(
                "an empty text",
                #"{"hash": "md5", "text": ▸""}"#,
                .badText,
                ".text",
                "expected a text of 1 ... 1,024 bytes, found 0 bytes"
            ),
            bucketing(
                "a text of 100 KB",
                #"{"hash": "md5", "text": ▸"\#(String.letters(100_000, "x")){unit}"}"#,
                .badText,
                ".text",
                "expected a text of 1 ... 1,024 bytes, found 100,006 bytes"
            ),
            bucketing(
                "an unknown encoding",
                #"{"hash": "md5", "encoding": ▸"latin-1"}"#,
                .unknownValue,
                ".encoding",
                #"expected "utf-8", "utf-16", "utf-32", "cbor" or "cbor-pair", found "latin-1""#
            ),
            bucketing(
                "code units for a hash of bytes",
                #"{"hash": "md5", "encoding": ▸"utf-16"}"#,
                .badBucketing,
                ".encoding",
                #""utf-16" needs a hash that takes code units, "fnv1a-32", "fnv1a-32-twice" or "java-31", "#
                    + #"found "md5", which takes bytes"#
            ),
            bucketing(
                "a text after the unit of a pair",
                #"{"hash": "md5", "encoding": ▸"cbor-pair", "text": "a{unit}b"}"#,
                .badBucketing,
                ".encoding",
                #""cbor-pair" is what stands before the unit, and the unit: expected nothing after "{unit}", found "b""#
            ),
            bucketing(
                "bits of a hash of 32",
                #"{"hash": "crc-32", ▸"bits": 32}"#,
                .badBucketing,
                ".bits",
                #""crc-32" makes no use of "bits": leave it out"#
            ),
            bucketing(
                "a seed of a digest",
                #"{"hash": "sha-1", ▸"seed": 0}"#,
                .badBucketing,
                ".seed",
                #""sha-1" makes no use of "seed": leave it out"#
            ),
            bucketing(
                "a signed digest",
                #"{"hash": "sha-1", ▸"signed": true}"#,
                .badBucketing,
                ".signed",
                #""sha-1" makes no use of "signed": leave it out"#
            ),
            bucketing(
                "a text of an integer",
                #"{"hash": "integer", "buckets": 2, ▸"text": "{unit}"}"#,
                .badBucketing,
                ".text",
                #""integer" makes no use of "text": leave it out"#
            ),
            bucketing(
                "an integer without buckets",
                #"▸{"hash": "integer"}"#,
                .missing,
                "",
                #""integer" needs "buckets", among which it divides the units"#
            ),
            bucketing(
                "too many bits",
                #"{"hash": "md5", "bits": ▸129}"#,
                .outOfRange,
                ".bits",
                "expected an integer in 1 ... 128, found 129"
            ),
            bucketing(
                "a seed of 33 bits",
                #"{"hash": "java-31", "seed": ▸4294967296}"#,
                .outOfRange,
                ".seed",
                "expected an integer in 0 ... 4,294,967,295, found 4294967296"
            ),
            bucketing(
                "no buckets at all",
                #"{"hash": "md5", "buckets": ▸0}"#,
                .outOfRange,
                ".buckets",
                "expected an integer in 1 ... 1,000,000, found 0"
            ),
            bucketing(
                "too many buckets",
                #"{"hash": "md5", "buckets": ▸1000001}"#,
                .outOfRange,
                ".buckets",
                "expected an integer in 1 ... 1,000,000, found 1000001"
            ),
            bucketing(
                "a reduction to nothing",
                #"{"hash": "md5", ▸"reduce": "scale"}"#,
                .badBucketing,
                ".reduce",
                #""reduce" needs "buckets", to which the number is reduced: add them, or leave this out"#
            ),
            bucketing(
                "an unknown reduction",
                #"{"hash": "md5", "buckets": 2, "reduce": ▸"modulo"}"#,
                .unknownValue,
                ".reduce",
                #"expected "remainder" or "scale", found "modulo""#
            ),
            bucketing(
                "an unknown key",
                #"{"hash": "md5", ▸"salt": "x"}"#,
                .unknownKey,
                ".salt",
                #"unknown key; expected "hash", "text", "encoding", "seed", "bits", "signed", "buckets" or "reduce""#
            ),
            .member(
                "units counted by few buckets",
                #""bucketing": {"hash": "md5", "buckets": 99999}, "progression": {"steps": [1], "count": ▸"units"}"#,
                .forbiddenPlan,
                ".progression.count",
                #""units" are told apart by their buckets, and the bucketing has 99,999: expected at least 100,000, "#
                    + #"or "requests" or "nothing""#
            ),
        ]
}
