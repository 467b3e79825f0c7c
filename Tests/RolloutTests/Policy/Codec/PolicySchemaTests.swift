import Foundation
import Testing

@testable import Rollout

/// The JSON Schema for editors says of every document what the validator says, as far as a schema can say it.
@Suite struct PolicySchemaTests {
    private let schema: JSONSchema

    init() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../../..")
        let file = root.appending(path: "Sources/Rollout/Rollout.docc/policy.schema.json")
        schema = try JSONSchema(String(contentsOf: file, encoding: .utf8))
    }

    private static func policy(_ rollout: String) -> String {
        #"{"schema":1,"revision":7,"rollouts":{"sms":\#(rollout)}}"#
    }

    private static func canary(_ rest: String) -> String {
        policy(#"{"strategy":{"type":"canary","percent":10,"stable":{"a":"1"},"canary":{"a":"2"}}\#(rest)}"#)
    }

    private static func abTest(_ rest: String, variants: String) -> String {
        policy(#"{"strategy":{"type":"ab_test","variants":[\#(variants)]\#(rest)}}"#)
    }

    private static let variant = #"{"name":"a","weight":1,"release":{"m":"1"}}"#

    static let accepted: [String] = [
        canary(""),
        canary(#","salt":"é","epoch":4294967295,"disabled":["canary"],"draining":[],"missingUnit":"first""#),
        canary(#","sticky":{"cookie":"__Host-x","maxAge":60,"pin":"bucket","domain":null},"missingUnit":"assign""#),
        canary(
            #","sticky":{"cookie":"x","maxAge":34560000,"secure":false,"sameSite":"Strict","domain":"a.b","path":"/x"}"#
        ),
        canary(#","sticky":{"cookie":"x","maxAge":60,"domain":".a-1.Example"}"#),
        canary(#","sticky":{"cookie":"__Secure-x","maxAge":60,"domain":"7.example"}"#),
        canary(#","sticky":{"cookie":"x","maxAge":60,"path":"/a b"}"#),
        canary(#","hosts":{"[::1]:80":"stable","[2001:db8::a]":"stable","my_host.":"stable","a:":"stable"}"#),
        canary(#","hosts":{"A.example:80":"stable"},"forced":{"ü":"canary"},"bucketing":{"hash":"crc-32"}"#),
        canary(
            #","bucketing":{"hash":"murmur3-32","text":"a{unit}b","seed":4294967295,"buckets":100,"reduce":"scale"}"#
        ),
        canary(#","bucketing":{"hash":"md5","text":"{unit}","encoding":"cbor-pair","bits":128}"#),
        canary(#","bucketing":{"hash":"java-31","encoding":"utf-16","seed":0,"signed":true,"buckets":1000000}"#),
        canary(#","bucketing":{"hash":"integer","buckets":2}"#),
        canary(#","enrolment":[{"layer":"a","ranges":[[0,10],[10,1000000]]},{"salt":"x","ranges":[]}]"#),
        canary(#","enrolment":[{"bucketing":{"hash":"md5"},"ranges":[[1,2]]}]"#),
        canary(#","compatible":[{"a":"1"},{"a":"2"}]"#),
        canary(#","progression":{"steps":[1,5,25,50]}"#),
        canary(
            #","progression":{"steps":[0.0001,99.9999],"count":"requests","interval":3600,"settle":0,"dwell":0,"limit":1"#
                + #","deadline":3600,"onDeadline":"abort","confirm":"promotion","margin":{"relative":0,"absolute":0.1}"#
                + #","tolerance":{"absolute":0.1},"latency":[1,99.9],"falseRollback":0.0001,"falseAdvance":20}"#
        ),
        canary(#","progression":{"steps":[1],"count":"nothing","dwell":0,"onDeadline":"hold","confirm":"everything"}"#),
        canary(#","progression":{"steps":[1],"limit":null,"deadline":null,"margin":{}}"#),
        canary(
            #","sticky":{"cookie":"x","maxAge":60,"pin":"bucket"},"progression":{"steps":[1],"count":"requests"}"#
        ),
        policy(#"{"strategy":{"type":"ab_test","variants":[\#(variant)]},"adaptation":{}}"#),
        policy(
            #"{"strategy":{"type":"ab_test","variants":[\#(variant)]},"#
                + #""adaptation":{"interval":1,"floor":100,"forget":50,"maxStep":100}}"#
        ),
        policy(#"{"strategy":{"type":"fixed","release":{"m":"1"}},"progression":{"steps":[1]},"adaptation":{}}"#),
        abTest("", variants: variant),
        abTest(#","coverage":0.0001"#, variants: variant), abTest(#","coverage":0.3"#, variants: variant),
        abTest(#","coverage":33.3333"#, variants: variant),
        abTest(#","coverage":80,"allocation":[["a",0,800000]]"#, variants: variant),
        abTest(#","allocation":[[null,0,1000],["a",1000,2000],[null,2000,1000000]]"#, variants: variant),
        policy(#"{"strategy":{"type":"fixed","release":{"m":"~ !"}}}"#),
        policy(#"{"strategy":{"type":"shadow","percent":1e1,"primary":{"m":"1"},"shadow":{"m":"2"}}}"#),
        #"{"schema":1,"revision":0,"environment":"x","rollouts":{}}"#,
        #"{"$schema":"policy.schema.json","schema":1,"revision":0,"rollouts":{}}"#,
    ]

    static let refused: [String] = [
        "[]", "{}", #"{"schema":2,"revision":7,"rollouts":{}}"#, #"{"schema":1,"revision":7}"#,
        #"{"schema":1,"revision":-1,"rollouts":{}}"#, #"{"schema":1,"revision":4294967296,"rollouts":{}}"#,
        #"{"schema":1,"revision":1.5,"rollouts":{}}"#, #"{"schema":1,"revision":"7","rollouts":{}}"#,
        #"{"schema":1,"revision":7,"environment":"","rollouts":{}}"#, #"{"schema":1,"revision":7,"rollouts":[]}"#,
        #"{"schema":1,"revision":7,"rollouts":{"a b":{"strategy":{"type":"fixed","release":{"m":"1"}}}}}"#,
        #"{"schema":1,"revision":7,"rollouts":{},"extra":1}"#, #"{"$schema":1,"schema":1,"revision":7,"rollouts":{}}"#,
        #"{"$Schema":"x","schema":1,"revision":7,"rollouts":{}}"#, canary(#","$schema":"x""#),
        canary(#","sticky":{"cookie":"x","maxAge":60,"secure":false,"sameSite":"None"}"#),
        policy("{}"), policy(#"{"strategy":{"type":"other"}}"#), policy(#"{"strategy":{"release":{"m":"1"}}}"#),
        policy(#"{"strategy":{"type":"fixed"}}"#), policy(#"{"strategy":{"type":"fixed","release":{}}}"#),
        policy(#"{"strategy":{"type":"fixed","release":{"m":1}}}"#),
        policy(#"{"strategy":{"type":"fixed","release":{"m":""}}}"#),
        policy(#"{"strategy":{"type":"fixed","release":{"m":"é"}}}"#),
        policy(#"{"strategy":{"type":"fixed","percent":1,"release":{"m":"1"}}}"#),
        policy(#"{"strategy":{"type":"canary","stable":{"a":"1"},"canary":{"a":"2"}}}"#),
        policy(#"{"strategy":{"type":"canary","percent":100.0001,"stable":{"a":"1"},"canary":{"a":"2"}}}"#),
        policy(#"{"strategy":{"type":"canary","percent":-0.0001,"stable":{"a":"1"},"canary":{"a":"2"}}}"#),
        policy(#"{"strategy":{"type":"shadow","primary":{"m":"1"},"shadow":{"m":"2"}}}"#),
        canary(#","progression":{}"#), canary(#","progression":{"steps":[]}"#), canary(#","progression":[1]"#),
        canary(#","progression":{"steps":[0]}"#), canary(#","progression":{"steps":[100]}"#),
        canary(#","progression":{"steps":[1,1]}"#), canary(#","progression":{"steps":[1],"count":"users"}"#),
        canary(#","progression":{"steps":[1],"interval":0}"#), canary(#","progression":{"steps":[1],"settle":86401}"#),
        canary(#","progression":{"steps":[1],"dwell":604801}"#),
        canary(#","progression":{"steps":[1],"deadline":34560001}"#),
        canary(#","progression":{"steps":[1],"onDeadline":"abort"}"#),
        canary(#","progression":{"steps":[1],"onDeadline":"abort","deadline":null}"#),
        canary(#","progression":{"steps":[1],"confirm":"all"}"#), canary(#","progression":{"steps":[1],"limit":100}"#),
        canary(#","progression":{"steps":[1],"margin":{"relative":101}}"#),
        canary(#","progression":{"steps":[1],"latency":[0.5]}"#),
        canary(#","progression":{"steps":[1],"latency":[100]}"#),
        canary(#","progression":{"steps":[1],"falseRollback":0}"#),
        canary(#","progression":{"steps":[1],"falseAdvance":20.1}"#),
        canary(#","progression":{"steps":[1],"count":"nothing","margin":{}}"#),
        canary(#","progression":{"steps":[1],"Steps":[1]}"#), canary(#","adaptation":{}"#),
        canary(#","sticky":{"cookie":"x","maxAge":60},"progression":{"steps":[1],"count":"requests"}"#),
        policy(#"{"strategy":{"type":"ab_test","variants":[\#(variant)]},"progression":{"steps":[1]}}"#),
        policy(#"{"strategy":{"type":"ab_test","variants":[\#(variant)]},"adaptation":{"forget":51}}"#),
        policy(#"{"strategy":{"type":"ab_test","variants":[\#(variant)]},"adaptation":{"maxStep":0}}"#),
        policy(#"{"strategy":{"type":"fixed","release":{"m":"1"}},"adaptation":{"interval":3601}}"#),
        canary(#","salt":"""#), canary(#","salt":"\u0000""#), canary(#","epoch":-1"#), canary(#","precent":1"#),
        canary(#","disabled":"canary""#), canary(#","disabled":["canary","canary"]"#),
        canary(#","missingUnit":"none""#),
        canary(#","enrolment":{}"#), canary(#","enrolment":[{"ranges":[]}]"#),
        canary(#","enrolment":[{"layer":"a","salt":"b","ranges":[]}]"#), canary(#","enrolment":[{"layer":"a"}]"#),
        canary(#","enrolment":[{"layer":"","ranges":[]}]"#), canary(#","enrolment":[{"salt":"a","ranges":[[0]]}]"#),
        canary(#","enrolment":[{"salt":"a","ranges":[[0,1000001]]}]"#),
        canary(#","sticky":{"cookie":"x","maxAge":60},"missingUnit":"assign","enrolment":[{"salt":"a","ranges":[]}]"#),
        canary(#","bucketing":{}"#), canary(#","bucketing":{"hash":"md4"}"#),
        canary(#","bucketing":{"hash":"crc-32","seed":0}"#), canary(#","bucketing":{"hash":"crc-32","bits":32}"#),
        canary(#","bucketing":{"hash":"md5","bits":0}"#), canary(#","bucketing":{"hash":"md5","bits":129}"#),
        canary(#","bucketing":{"hash":"md5","signed":false}"#), canary(#","bucketing":{"hash":"md5","buckets":0}"#),
        canary(#","bucketing":{"hash":"md5","buckets":1000001}"#),
        canary(#","bucketing":{"hash":"md5","reduce":"scale"}"#),
        canary(#","bucketing":{"hash":"md5","encoding":"utf-16"}"#), canary(#","bucketing":{"hash":"md5","text":"x"}"#),
        canary(#","bucketing":{"hash":"md5","text":"{unit}{unit}"}"#), canary(#","bucketing":{"hash":"integer"}"#),
        canary(#","bucketing":{"hash":"md5","encoding":"cbor-pair","text":"{unit}x"}"#),
        canary(#","bucketing":{"hash":"integer","buckets":2,"text":"{unit}"}"#),
        canary(#","bucketing":{"hash":"md5","Text":"{unit}"}"#),
        canary(#","hosts":{"":"stable"}"#),
        canary(#","hosts":{"a/b":"stable"}"#), canary(#","hosts":{"a":"st able"}"#),
        canary(#","forced":{"":"stable"}"#),
        canary(#","compatible":[{}]"#), canary(#","compatible":{}"#), canary(#","sticky":{"cookie":"x"}"#),
        canary(#","sticky":{"cookie":"a b","maxAge":60}"#), canary(#","sticky":{"cookie":"x","maxAge":59}"#),
        canary(#","sticky":{"cookie":"x","maxAge":34560001}"#),
        canary(#","sticky":{"cookie":"x","maxAge":60,"pin":"x"}"#),
        canary(#","sticky":{"cookie":"x","maxAge":60,"path":"x"}"#),
        canary(#","sticky":{"cookie":"x","maxAge":60,"domain":""}"#),
        canary(#","sticky":{"cookie":"x","maxAge":60,"domain":"."}"#),
        canary(#","sticky":{"cookie":"x","maxAge":60,"domain":"a..b"}"#),
        canary(#","sticky":{"cookie":"x","maxAge":60,"domain":"a.b."}"#),
        canary(#","sticky":{"cookie":"x","maxAge":60,"domain":"localhost"}"#),
        canary(#","sticky":{"cookie":"x","maxAge":60,"domain":"10.0.0.1"}"#),
        canary(#","sticky":{"cookie":"x","maxAge":60,"domain":"a.0x7F"}"#),
        canary(#","sticky":{"cookie":"x","maxAge":60,"path":"/a "}"#),
        canary(#","hosts":{"*.a":"stable"}"#), canary(#","hosts":{"é":"stable"}"#),
        canary(#","hosts":{"::1":"stable"}"#),
        canary(#","hosts":{"a:http":"stable"}"#), canary(#","hosts":{".a":"stable"}"#),
        canary(#","hosts":{"a:0":"stable"}"#), canary(#","hosts":{"a:65536":"stable"}"#),
        policy(#"{"strategy":{"type":"fixed","release":{"m":" 1"}}}"#),
        policy(#"{"strategy":{"type":"fixed","release":{"m":"1 "}}}"#),
        canary(#","sticky":{"cookie":"__Host-x","maxAge":60,"secure":false}"#),
        canary(#","sticky":{"cookie":"__http-x","maxAge":60,"secure":false}"#),
        canary(#","sticky":{"cookie":"__host-http-x","maxAge":60,"domain":"a.b"}"#),
        canary(#","sticky":{"cookie":"__Host-x","maxAge":60,"path":"/x"}"#),
        canary(#","sticky":{"cookie":"x","maxAge":60,"sameSite":"lax"}"#),
        canary(#","sticky":{"cookie":"x","maxAge":60,"secure":1}"#),
        abTest("", variants: ""), abTest("", variants: #"{"name":"a","weight":-1,"release":{"m":"1"}}"#),
        abTest("", variants: #"{"name":"a","weight":1000001,"release":{"m":"1"}}"#),
        abTest("", variants: #"{"name":"é","weight":1,"release":{"m":"1"}}"#),
        abTest(#","coverage":-1"#, variants: variant), abTest(#","allocation":[["a",0]]"#, variants: variant),
        abTest(#","allocation":[["a",0,1000001]]"#, variants: variant),
        abTest(#","allocation":[[0,1,2]]"#, variants: variant),
    ]

    @Test("Both accept", arguments: accepted)
    func acceptance(_ text: String) throws {
        #expect(try schema.refusals(of: text) == [])
        #expect(throws: Never.self) { try RolloutPolicy(json: text) }
    }

    @Test("Both refuse", arguments: refused)
    func refusal(_ text: String) throws {
        #expect(try !schema.refusals(of: text).isEmpty)
        #expect(throws: PolicyError.self) { try RolloutPolicy(json: text) }
    }

    @Test("The schema accepts what the library writes", arguments: accepted)
    func canonicalForm(_ text: String) throws {
        #expect(try schema.refusals(of: RolloutPolicy(json: text).json) == [])
    }
}
