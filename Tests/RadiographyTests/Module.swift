import Testing
@testable import Radiography
