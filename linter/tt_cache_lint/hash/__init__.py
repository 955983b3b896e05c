"""The program hash: what it covers, what it leaves out, and what it contains that it should not.

The framework's rules are those of facts/device_model.md section 8 (tt_stl/tt_stl/reflection.hpp:1267-1427,
ttnn/api/ttnn/mesh_device_operation_adapter.hpp:719-737). What an omission means is facts/hash_judgement.md.

    reflect      how a type is hashed, from its declaration
    key          the hash of one call, executed: every item that goes into it
    builds       the parts of two programs that no hit refreshes, compared
    vary         other values for an input
    uses         what a program makes of an input
    experiment   one omitted input varied between two calls with one hash
    idle         compile-time arguments that the kernel makes nothing of
    layouts      layouts that an op is not made for
    needless     numbers that are hashed for nothing
    operations   finding ops by their struct, and ways to run those without a typed factory
    contents     what a hash contains that it should not
    model        the facts for rules and printers
"""
