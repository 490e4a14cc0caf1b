import Foundation

/// C strings that live as long as the array.
final class CStringArray {
    private let storage: [UnsafeMutablePointer<CChar>]
    private let array: UnsafeMutablePointer<UnsafePointer<CChar>?>

    init(_ strings: [String]) {
        storage = strings.map { string in
            string.withCString { text in
                let copy = UnsafeMutablePointer<CChar>.allocate(capacity: strlen(text) + 1)
                copy.initialize(from: text, count: strlen(text) + 1)
                return copy
            }
        }
        array = .allocate(capacity: max(1, strings.count))
        for (index, text) in storage.enumerated() {
            array[index] = UnsafePointer(text)
        }
    }

    deinit {
        for text in storage {
            text.deallocate()
        }
        array.deallocate()
    }

    var pointers: UnsafePointer<UnsafePointer<CChar>?> { UnsafePointer(array) }

    var count: Int { storage.count }
}
