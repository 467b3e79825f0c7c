extension Task {
    /// Cancels the task on another thread, which a cancellation handler may block.
    ///
    /// For tasks that run the service's code. Whoever cancels a task runs its handlers, and the runtime locks the task meanwhile. So a
    /// handler that waits would hold up the caller, with all locks that the caller has, and whoever resumes the task. The thread has
    /// a lower priority: on the system's pool those of each priority are apart, and the service's own go on.
    func cancelApart() { Task<Void, Never>.detached(priority: .utility) { cancel() } }
}
