#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Unleash's engine by its C ABI, as its Python package calls it, without Python: `check_enabled` takes the flag and the
/// context as JSON and gives back JSON that the caller frees.
@safe struct Unleash: Contender, @unchecked Sendable {
    private typealias NewEngine = @convention(c) () -> OpaquePointer?
    private typealias TakeState = @convention(c) (OpaquePointer?, UnsafePointer<CChar>?) -> UnsafeMutablePointer<CChar>?
    private typealias CheckEnabled =
        @convention(c) (
            OpaquePointer?, UnsafePointer<CChar>?, UnsafePointer<CChar>?, UnsafePointer<CChar>?
        ) -> UnsafeMutablePointer<CChar>?
    private typealias FreeResponse = @convention(c) (UnsafeMutablePointer<CChar>?) -> Void

    private let engine: OpaquePointer
    private let checkEnabled: CheckEnabled
    private let freeResponse: FreeResponse
    private let flag: UnsafePointer<CChar>
    private let noCustomStrategies: UnsafePointer<CChar>

    /// The engine in a shared library, or nil where it does not load or lacks a function.
    init?(library path: String) {
        guard let library = unsafe dlopen(path, RTLD_NOW),
            let newEngine = unsafe dlsym(library, "new_engine"),
            let takeState = unsafe dlsym(library, "take_state"),
            let checkEnabled = unsafe dlsym(library, "check_enabled"),
            let freeResponse = unsafe dlsym(library, "free_response"),
            let engine = unsafe unsafeBitCast(newEngine, to: NewEngine.self)(),
            let flag = unsafe strdup("sms"),
            let noCustomStrategies = unsafe strdup("{}")
        else { return nil }
        unsafe self.engine = engine
        unsafe self.checkEnabled = unsafe unsafeBitCast(checkEnabled, to: CheckEnabled.self)
        unsafe self.freeResponse = unsafe unsafeBitCast(freeResponse, to: FreeResponse.self)
        unsafe self.flag = UnsafePointer(flag)
        unsafe self.noCustomStrategies = UnsafePointer(noCustomStrategies)
        let warnings = unsafe unsafeBitCast(takeState, to: TakeState.self)(engine, Self.state)
        unsafe self.freeResponse(warnings)
    }

    func decides(_ unit: borrowing Unit) -> Bool {
        guard let answer = unsafe checkEnabled(engine, flag, unit.context, noCustomStrategies) else { return false }
        defer { unsafe freeResponse(answer) }
        return unsafe strstr(answer, "true") != nil
    }

    /// A gradual rollout to 10 % by user id.
    private static let state = """
        {"version": 2, "features": [{"name": "sms", "enabled": true, "strategies": [{"name": "flexibleRollout",
        "parameters": {"rollout": "10", "stickiness": "userId", "groupId": "sms"}}]}]}
        """
}
