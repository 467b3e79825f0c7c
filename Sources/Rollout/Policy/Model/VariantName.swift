/// The name of one outcome of a rollout, such as `stable` or `treatment`.
public struct VariantName: PolicyName {
    /// The name itself.
    public let text: String

    /// A name from run-time text, or nil if the text is no name.
    public init?(_ text: String) {
        guard isPolicyName(text) else { return nil }
        self.text = text
    }
}

extension VariantName {
    /// The only variant of `fixed`, and the safe one of `canary`.
    public static let stable: VariantName = "stable"
    /// The new variant of `canary`.
    public static let canary: VariantName = "canary"
    /// The variant of `shadow` that answers.
    public static let primary: VariantName = "primary"
    /// The variant of `shadow` that receives copies.
    public static let shadow: VariantName = "shadow"
    /// The default of a handle, which serves while the policy lacks the rollout.
    public static let `default`: VariantName = "default"
}
