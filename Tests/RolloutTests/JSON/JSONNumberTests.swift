import Rollout
import Testing

@Suite("JSON numbers")
struct JSONNumberTests {
    @Test(
        "An integer is one by its form and its range",
        arguments: [
            ("0", 0), ("-0", 0), ("7", 7), ("-12", -12),
            ("9223372036854775807", .max), ("-9223372036854775808", .min),
            ("9223372036854775808", nil), ("-9223372036854775809", nil), ("18446744073709551616", nil),
            ("99999999999999999999999999", nil), ("1.0", nil), ("1e3", nil), ("1E0", nil), ("-0.0", nil),
            ("true", nil), ("null", nil), (#""1""#, nil), ("[1]", nil), ("{}", nil),
        ] as [(String, Int?)]
    )
    func integer(text: String, expected: Int?) throws {
        #expect(try value(text).integer(as: Int.self) == expected)
        #expect(try value(text).integer(as: Int64.self) == expected.map(Int64.init))
    }

    @Test("The range is the type's")
    func ranges() throws {
        #expect(try value("18446744073709551615").integer(as: UInt64.self) == .max)
        #expect(try value("18446744073709551616").integer(as: UInt64.self) == nil)
        #expect(try value("-0").integer(as: UInt64.self) == 0)
        #expect(try value("-1").integer(as: UInt64.self) == nil)
        #expect(try value("4294967295").integer(as: UInt32.self) == .max)
        #expect(try value("4294967296").integer(as: UInt32.self) == nil)
        #expect(try value("-128").integer(as: Int8.self) == -128)
        #expect(try value("-129").integer(as: Int8.self) == nil)
    }

    @Test(
        "A decimal is exact or refused, however it is written",
        arguments: [
            ("10", 100_000), ("10.0", 100_000), ("1e1", 100_000), ("100e-1", 100_000), ("1E+1", 100_000),
            ("0.1e2", 100_000),
            ("0.0001", 1), ("1e-4", 1), ("33.3333", 333_333), ("-33.3333", -333_333), ("100", 1_000_000),
            ("99.9999000", 999_999),
            ("0.00001", nil), ("33.33333", nil), ("1e-5", nil), ("0.00010000000000000000000001", nil),
            ("0", 0), ("-0", 0), ("0.000000000", 0), ("0e999999999999999999999999", 0),
            ("-0.0e-999999999999999999999999", 0),
            ("1e999999999999999999999999", nil), ("1e-999999999999999999999999", nil),
            ("1e14", 1_000_000_000_000_000_000),
            ("1e15", nil), ("922337203685477.5807", .max), ("-922337203685477.5808", .min),
            ("922337203685477.5808", nil),
            ("-922337203685477.5809", nil), ("123456789012345678901234567890", nil),
            ("5000000000000000000000e-20", 500_000),
            ("50000000000000000000000000000000e-30", 500_000), ("0.00000000000000000000000000005e30", 500_000),
            ("true", nil), (#""10""#, nil),
        ] as [(String, Int?)]
    )
    func decimal(text: String, expected: Int?) throws {
        #expect(try value(text).decimal(scale: 4) == expected)
    }

    @Test("A scale may be 0 or negative")
    func scales() throws {
        #expect(try value("1200").decimal(scale: 0) == 1_200)
        #expect(try value("1200").decimal(scale: -2) == 12)
        #expect(try value("1200").decimal(scale: -3) == nil)
    }

    @Test("A number of 200,000 digits and an exponent as long cost what reading them costs")
    func longNumbers() throws {
        let zeros = String.letters(200_000, "0")
        #expect(try value("1\(zeros)e-200000").decimal(scale: 0) == 1)
        #expect(try value("0.\(zeros)1e200001").decimal(scale: 0) == 1)
        #expect(try value("1\(zeros)").decimal(scale: 4) == nil)
        #expect(try value("1e\(zeros)2").decimal(scale: 0) == 100)
        #expect(try value("1e1\(zeros)").decimal(scale: 0) == nil)
        #expect(try value("1\(zeros)").integer(as: Int.self) == nil)
    }

    @Test("The text of a number is the one in the document")
    func text() throws {
        #expect(try value("[-1.50E+07]").elements.map(\.numberText) == ["-1.50E+07"])
        #expect(try value("true").numberText == nil)
    }

    private func value(_ text: String) throws -> JSONValue { try JSONDocument(parsing: Array(text.utf8)).root }
}
