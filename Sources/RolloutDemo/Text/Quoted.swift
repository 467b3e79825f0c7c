import Rollout

/// A text in quotation marks, on one line whatever it holds.
func quoted(_ text: String) -> String { JSONTree.string(text).canonicalText }
