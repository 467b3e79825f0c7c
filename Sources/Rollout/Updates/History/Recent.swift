/// The latest elements, up to a limit: one more takes the place of the oldest.
struct Recent<Element> {
    private var elements: [Element] = []
    /// Where the oldest is, once there are as many as may be.
    private var oldest = 0
    private let limit: Int

    init(_ limit: Int) { self.limit = limit }

    /// The oldest first.
    var all: [Element] { Array(elements[oldest...] + elements[..<oldest]) }

    mutating func append(_ element: Element) {
        if elements.count < limit {
            elements.append(element)
        } else {
            elements[oldest] = element
            oldest = (oldest + 1) % limit
        }
    }
}
