"""Reading C++: files, syntax trees and the lazy index from names to definitions."""
