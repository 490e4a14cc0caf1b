/// Serves the queue of one destination, on a thread of its own: a destination that is down or slow delays no other.
protocol DeliveryWorker: Sendable {
    /// Delivers until stopped. Blocking.
    func run()
    /// Looks for work now.
    func wake()
    /// Ends after the object that is being delivered.
    func stop()
}
