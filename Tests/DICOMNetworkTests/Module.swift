import Testing
@testable import DICOMNetwork
