/// The name of a rollout within its policy, such as `sms`.
///
/// Give yours names once, and use them everywhere: `extension RolloutID { static let sms: RolloutID = "sms" }`.
public struct RolloutID: PolicyName {
    /// The name itself.
    public let text: String

    /// An id from run-time text, or nil if the text is no name.
    public init?(_ text: String) {
        guard isPolicyName(text) else { return nil }
        self.text = text
    }
}
