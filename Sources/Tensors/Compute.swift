import CKernels

/// Settings of the kernels, for the whole process.
public enum Compute {
    /// An instruction level with an implementation of every kernel.
    public enum Level: UInt32, Sendable, CaseIterable, Comparable {
        case scalar = 0
        /// AVX2, FMA and F16C.
        case avx2 = 1
        /// AVX-512 F, BW, DQ, VL and VNNI.
        case avx512 = 2
        /// The same with BF16.
        case avx512BFloat16 = 3

        public static func < (a: Level, b: Level) -> Bool { a.rawValue < b.rawValue }

        var native: cxr_level { cxr_level(rawValue) }
    }

    /// The best level of this CPU.
    public static var supportedLevel: Level { Level(rawValue: cxr_level_supported().rawValue) ?? .scalar }

    /// The level in use: the fastest one (BF16 only where the CPU runs it at full rate), unless the environment's `CXRGATE_KERNELS`
    /// (`scalar`, `avx2`, `avx512`, `avx512bf16`) or ``force(_:)`` asks for another.
    public static var level: Level { Level(rawValue: cxr_level_current().rawValue) ?? .scalar }

    /// Uses another level from now on; not to be called while kernels run. Returns false if this CPU lacks it.
    @discardableResult
    public static func force(_ level: Level) -> Bool { cxr_level_force(level.native) == 0 }

    /// When OpenBLAS multiplies more than 8 tokens by f32 weights.
    public enum OpenBLASUse: UInt32, Sendable {
        case never = 0
        /// On CPUs without vector kernels of our own (the default), if the library is installed.
        case withoutVectorKernels = 1
        case always = 2
    }

    /// Sets when OpenBLAS is used. It is loaded at first use, with the core type of this CPU unless `OPENBLAS_CORETYPE` is set.
    public static func useOpenBLAS(_ use: OpenBLASUse) { cxr_blas_set_use(cxr_blas_use(use.rawValue)) }

    /// Why OpenBLAS cannot be loaded, or nil if it is.
    public static var openBLASError: String? { cxr_blas_load().map { String(cString: $0) } }

    /// The core type that OpenBLAS runs as, or "" without it.
    public static var openBLASCore: String { String(cString: cxr_blas_core()) }

    /// Threads that share each kernel's work, the caller's included; by default the CPUs that the process may use.
    public static var threads: Int {
        get { cxr_pool_threads() }
        set { cxr_pool_set_threads(max(1, newValue)) }
    }

    /// Calls `body` on disjoint sub-ranges of at most `grain` elements, from all threads of the pool, until `range` is done.
    ///
    /// One loop runs at a time; a loop started inside a loop runs in its own thread alone. Operations on matrices must not be called
    /// inside: they run loops of their own.
    public static func parallelFor(_ range: Range<Int>, grain: Int, _ body: @Sendable (Range<Int>) -> Void) {
        withoutActuallyEscaping(body) { body in
            withUnsafePointer(to: body) { pointer in
                cxr_parallel_for(
                    range.lowerBound, range.upperBound, max(1, grain),
                    { context, begin, end, _ in
                        guard let context else { return }
                        context.assumingMemoryBound(to: (@Sendable (Range<Int>) -> Void).self).pointee(begin..<end)
                    }, UnsafeMutableRawPointer(mutating: pointer))
            }
        }
    }
}
