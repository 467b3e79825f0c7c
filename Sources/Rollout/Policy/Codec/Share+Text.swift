extension Share {
    /// A share from a percentage in text, read exactly and in JSON's form for numbers, or nil where the text is no share.
    public init?(percentText text: String) {
        guard let number = try? JSONDocument(parsing: Array(text.utf8)).root,
            number.numberText?.utf8.count == text.utf8.count,
            let buckets = number.decimal(scale: 4)
        else { return nil }
        self.init(buckets: buckets)
    }
}
