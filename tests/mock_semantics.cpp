// The mock against facts/device_model.md: one check for each rule of the host API that a fixture may rely on.
#include <mock/everything.hpp>

#include <iostream>

using namespace tt::tt_metal;

namespace {

int failed = 0;

void check(bool holds, const char* what) {
    if (!holds) {
        ++failed;
        std::cout << "does not hold: " << what << "\n";
    }
}

template <typename Action>
bool throws(Action action) {
    try {
        action();
    } catch (const std::exception&) {
        return true;
    }
    return false;
}

bool noted(const std::string& kind) {
    const auto& record = mock::Record::get().failed;
    return std::any_of(record.begin(), record.end(), [&](const auto& item) { return item.kind == kind; });
}

const CoreRangeSet grid(CoreRange({0, 0}, {3, 1}));

struct Built {
    Program program;
    KernelHandle reader = CreateKernel(program, "reader.cpp", grid, ReaderDataMovementConfig());
    KernelHandle writer = CreateKernel(program, "writer.cpp", grid, WriterDataMovementConfig());
};

CBHandle make_cb(Program& program, uint8_t index, const CoreSpec& cores = grid) {
    return CreateCircularBuffer(
        program, cores, CircularBufferConfig(4096, {{index, tt::DataFormat::Float16_b}}).set_page_size(index, 2048));
}

void runtime_args() {
    Built built;
    auto& [program, reader, writer] = built;
    check(reader == 0 && writer == 1, "a kernel handle is a creation ordinal");
    SetRuntimeArgs(program, reader, CoreCoord(0, 0), {1, 2, 3});
    SetRuntimeArgs(program, reader, CoreCoord(1, 0), {1, 2, 3, 4});
    SetRuntimeArgs(program, reader, grid, std::initializer_list<uint32_t>{});
    SetRuntimeArgs(program, writer, grid, std::vector<uint32_t>{7});
    check(throws([&] { SetRuntimeArgs(program, reader, CoreCoord(0, 0), {1, 2}); }), "another number of args throws");
    SetRuntimeArgs(program, reader, CoreCoord(0, 0), {4, 5, 6});
    check(GetRuntimeArgs(program, reader, CoreCoord(0, 0))[2] == 6, "the same number overwrites");
    check(throws([&] { SetRuntimeArgs(program, reader, {CoreCoord(0, 0)}, {{1}, {2}}); }), "grouped: sizes differ");
    check(throws([&] { GetRuntimeArgs(program, reader, CoreCoord(9, 9)); }), "a core outside the table");
    check(throws([&] { SetRuntimeArgs(program, 5, CoreCoord(0, 0), {1}); }), "no such kernel");

    auto copy = GetRuntimeArgs(program, reader, CoreCoord(0, 0));
    copy[0] = 11;
    check(GetRuntimeArgs(program, reader, CoreCoord(0, 0))[0] == 11, "a copied view writes through");
    program.impl().compile();
    copy[0] = 12;
    auto& view = GetRuntimeArgs(program, reader, CoreCoord(0, 0));
    check(view[0] == 11, "a view kept from create() is detached by the first enqueue");
    check(view.size() == 4, "size() is padded to the largest of the kernel group");
    check(!noted("index-out-of-range"), "nothing was out of range so far");
    view[3] = 1;
    check(noted("index-out-of-range"), "beyond the set count");
    check(throws([&] { view.at(4) = 1; }), "at() beyond the padded count throws");
    GetRuntimeArgs(program, reader, CoreCoord(2, 0))[0] = 1;
    check(noted("core-without-args"), "a core that never got args");
    mock::Record::get().clear();
    view.data()[3] = 1;
    program.impl().note_stray_writes();
    check(noted("index-out-of-range"), "a raw pointer beyond the set count");
    mock::Record::get().clear();
    SetRuntimeArgs(program, reader, CoreCoord(5, 5), {1});
    check(noted("core-outside-kernel"), "a core that the kernel is not on");
}

void common_args() {
    Built built;
    auto& [program, reader, writer] = built;
    SetCommonRuntimeArgs(program, reader, {1, 2});
    GetCommonRuntimeArgs(program, reader)[1] = 5;
    check(GetCommonRuntimeArgs(program, reader)[1] == 5, "common args are live");
    check(throws([&] { SetCommonRuntimeArgs(program, reader, {1, 2}); }), "common args are set once");
    check(
        throws([&] { SetRuntimeArgs(program, reader, grid, std::vector<uint32_t>(340)); }), "341 with the common ones");
    SetRuntimeArgs(program, reader, grid, std::vector<uint32_t>(339));
    check(throws([&] { SetRuntimeArgs(program, writer, grid, std::vector<uint32_t>(342)); }), "at most 341");
}

void creation() {
    Built built;
    auto& program = built.program;
    check(
        throws([&] { CreateKernel(program, "x.cpp", CoreCoord(1, 1), ReaderDataMovementConfig()); }),
        "processor taken");
    CreateKernel(program, "x.cpp", CoreCoord(5, 5), ReaderDataMovementConfig());
    const auto cb = make_cb(program, 0);
    check(cb > 0xFFFFFFFFull, "a circular buffer handle does not fit into 32 bits");
    check(throws([&] { GetCircularBufferConfig(program, static_cast<uint32_t>(cb)); }), "a cut handle is none");
    check(throws([&] { make_cb(program, 0); }), "an index is there once on a core");
    make_cb(program, 0, CoreCoord(6, 6));
    check(throws([&] { make_cb(program, 32); }), "32 circular buffers");
    check(
        throws([&] { CircularBufferConfig(4096, {{1, tt::DataFormat::Float16_b}}).set_page_size(1, 1000); }),
        "divides");
    check(
        throws([&] { CircularBufferConfig(4096, {{1, tt::DataFormat::Float16_b}}).set_page_size(2, 2048); }),
        "declared");
    check(
        throws([&] { CreateCircularBuffer(program, grid, CircularBufferConfig(64, {{3, tt::DataFormat::UInt8}})); }),
        "a format needs a page size");
    check(CreateSemaphore(program, grid, 0) == 0, "the lowest free semaphore");
    check(CreateSemaphore(program, CoreRange({1, 0}, {5, 5}), 0) == 1, "free on all cores");
    check(CreateSemaphore(program, CoreRange({6, 6}, {6, 6}), 0) == 0, "free there");
    for (int i = 2; i < 16; ++i) {
        CreateSemaphore(program, grid, 0);
    }
    check(throws([&] { CreateSemaphore(program, grid, 0); }), "16 semaphores");
    program.impl().compile();
    check(
        throws([&] { CreateKernel(program, "y.cpp", CoreCoord(7, 7), ReaderDataMovementConfig()); }),
        "compiled: kernel");
    check(throws([&] { make_cb(program, 9); }), "compiled: circular buffer");
    check(throws([&] { CreateSemaphore(program, CoreRange({7, 7}, {7, 7}), 0); }), "compiled: semaphore");
}

Tensor make(const MemoryConfig& where, std::initializer_list<uint32_t> shape = {1, 1, 64, 64}) {
    return create_device_tensor(
        TensorSpec(Shape(shape), TensorLayout(DataType::BFLOAT16, Layout::TILE, where)), &mock::device());
}

void circular_buffer_addresses() {
    const MemoryConfig l1(TensorMemoryLayout::INTERLEAVED, BufferType::L1);
    const MemoryConfig sharded(
        TensorMemoryLayout::HEIGHT_SHARDED,
        BufferType::L1,
        ShardSpec(CoreRangeSet(CoreRange({0, 0}, {1, 0})), {32, 64}));
    const auto dram = make(MemoryConfig());
    const auto first = make(sharded);
    const auto second = make(sharded);
    Built built;
    auto& program = built.program;
    check(first.buffer()->address() != second.buffer()->address(), "each tensor is elsewhere");
    check(first.buffer()->aligned_size_per_bank() == 4096, "a shard of two tiles");
    CircularBufferConfig config(4096, {{0, tt::DataFormat::Float16_b}});
    config.set_page_size(0, 2048);
    check(throws([&] { config.set_globally_allocated_address(*dram.buffer()); }), "only in L1");
    const auto cb = CreateCircularBuffer(program, grid, config.set_globally_allocated_address(*first.buffer()));
    const auto fixed = make_cb(program, 1);
    program.impl().compile();
    UpdateDynamicCircularBufferAddress(program, cb, *second.buffer());
    check(
        GetCircularBufferConfig(program, cb).globally_allocated_address() == second.buffer()->address(), "re-pointed");
    check(throws([&] { UpdateDynamicCircularBufferAddress(program, cb, *dram.buffer()); }), "re-pointed to DRAM");
    check(throws([&] { UpdateDynamicCircularBufferAddress(program, cb + 1, *second.buffer()); }), "no such buffer");
    check(throws([&] { UpdateCircularBufferTotalSize(program, cb, 8192); }), "larger than the shard");
    UpdateDynamicCircularBufferAddressAndTotalSize(program, cb, *second.buffer(), 2048);
    check(GetCircularBufferConfig(program, cb).total_size() == 2048, "resized");
    check(!GetCircularBufferConfig(program, fixed).dynamic_cb(), "static");
    UpdateDynamicCircularBufferAddress(program, fixed, *second.buffer());
    check(GetCircularBufferConfig(program, fixed).dynamic_cb(), "a static one silently becomes dynamic");
    UpdateCircularBufferTotalSize(program, fixed, 3000);
    check(throws([&] { UpdateCircularBufferPageSize(program, fixed, 1, 2048); }), "page size against the new total");
}

void accessors() {
    const auto words = [](const Buffer* buffer) { return TensorAccessorArgs(buffer).get_compile_time_args().size(); };
    const MemoryConfig sharded(
        TensorMemoryLayout::HEIGHT_SHARDED,
        BufferType::L1,
        ShardSpec(CoreRangeSet(CoreRange({0, 0}, {1, 0})), {32, 64}));
    check(words(make(MemoryConfig()).buffer()) == 2, "interleaved: two words");
    check(words(nullptr) == 2, "absent: two words");
    check(words(make(sharded).buffer()) == 2 + 2 + 2 + 2 + 1, "sharded: rank, banks, shapes, bank coordinates");
    const auto shared = TensorAccessorArgs(make(sharded).buffer(), tensor_accessor::ArgConfig::RuntimeTensorShape);
    check(shared.get_common_runtime_args().size() == 2, "a part that comes at run time");
}

struct Attributes {
    uint32_t mode;
    std::optional<MemoryConfig> memory_config;
    std::unordered_map<std::string, int> options;
};

struct Arguments {
    const Tensor& input;
    std::optional<Tensor> bias;
    std::vector<Tensor> rest;
};

void hashing() {
    const auto hash = [](const auto& object) { return ttsl::hash::hash_objects_with_default_seed(object); };
    const auto a = make(MemoryConfig());
    const auto b = make(MemoryConfig());
    const auto c = make(MemoryConfig(), {1, 1, 32, 64});
    static_assert(mock::field_count<Attributes>() == 3 && mock::field_count<Arguments>() == 3);
    check(hash(a) == hash(b), "an address is not hashed");
    check(hash(a) != hash(c), "a shape is");
    check(hash(Arguments{a, b, {}}) == hash(Arguments{b, a, {}}), "fields in order");
    check(hash(Arguments{a, b, {}}) != hash(Arguments{a, std::nullopt, {}}), "presence is hashed");
    check(hash(Attributes{1, {}, {}}) != hash(Attributes{2, {}, {}}), "attributes are hashed");
    check(hash(Attributes{1, {}, {{"a", 1}, {"b", 2}}}) == hash(Attributes{1, {}, {{"b", 2}, {"a", 1}}}), "sorted");
    check(hash(CoreCoord(2, 2)) == hash(CoreCoord(4, 1)), "a bare core hashes weakly");
    const GlobalSemaphore first(&mock::device(), grid, 0);
    const GlobalSemaphore second(&mock::device(), grid, 0);
    check(first.address() != second.address() && hash(first) == hash(second), "a global semaphore without its address");
}

void cores() {
    const auto [count, all, more, less, units_more, units_less] = split_work_to_cores(CoreCoord(8, 8), 75);
    check(count == 64 && all.num_cores() == 64 && units_more == 2 && units_less == 1, "75 units on 64 cores");
    check(more.num_cores() == 11 && less.num_cores() == 53, "11 cores have two");
    check(corerange_to_cores(more).back() == CoreCoord(1, 2), "column by column");
    check(corerange_to_cores(less).front() == CoreCoord(1, 3), "the others follow");
    const auto few = split_work_to_cores(CoreCoord(8, 8), 5, true);
    check(std::get<1>(few).str() == "{[(x=0,y=0) - (x=4,y=0)]}" && std::get<3>(few).empty(), "5 units, row by row");
    check(grid_to_cores(3, 2, 2) == std::vector<CoreCoord>{{0, 0}, {0, 1}, {1, 0}}, "y runs first");
    check(grid_to_cores(3, 2, 2, true) == std::vector<CoreCoord>{{0, 0}, {1, 0}, {0, 1}}, "x runs first");
    check(
        throws([] { CoreRangeSet(std::vector<CoreRange>{CoreRange({0, 0}, {1, 1}), CoreRange({1, 1}, {2, 2})}); }),
        "overlap");
    check(throws([] { CoreRange({1, 0}, {0, 0}); }), "end before start");
    const CoreRangeSet two(std::vector<CoreRange>{CoreRange({0, 0}, {0, 1}), CoreRange({1, 0}, {1, 1})});
    check(two.merge_ranges().size() == 1 && two.bounding_box() == CoreRange({0, 0}, {1, 1}), "merged");
    check(two.subtract(CoreRangeSet(CoreRange({0, 0}, {0, 0}))).num_cores() == 3, "subtracted");
    const Shape shape({2, 3, 4});
    check(shape[-1] == 4 && shape.volume() == 24 && shape.to_array_4D()[0] == 1, "shape");
    check(throws([&] { return shape[3]; }), "shape index");
}

struct Describing {
    struct Given {
        Tensor input;
        Tensor other;
    };

    // One of two addresses is bound unless `bind` is off; the circular buffer always is.
    static ProgramDescriptor create_descriptor(const bool& bind, const Given& given, Tensor& output) {
        KernelDescriptor kernel{
            .kernel_source = "reader.cpp", .core_ranges = CoreRangeSet(CoreRange({0, 0}, {0, 0})), .config = {}};
        KernelDescriptor::RTArgList args;
        args.push_back(bind ? output.buffer() : nullptr);
        args.append({given.input.buffer()->address(), given.other.buffer()->address()});
        kernel.emplace_runtime_args({0, 0}, args);
        ProgramDescriptor descriptor;
        descriptor.kernels.push_back(std::move(kernel));
        descriptor.cbs.push_back(CBDescriptor{
            .total_size = 1024,
            .core_ranges = grid,
            .format_descriptors = {{CBFormatDescriptor{
                .buffer_index = 0, .data_format = tt::DataFormat::Float16_b, .page_size = 1024}}},
            .buffer = given.input.buffer(),
            .address_offset = 64});
        return descriptor;
    }
};

void descriptors() {
    const MemoryConfig l1(TensorMemoryLayout::INTERLEAVED, BufferType::L1);
    const auto after_hit = [&](bool bind, bool in_place) {
        Describing::Given first{make(l1), make(l1)};
        Describing::Given second{make(l1), make(l1)};
        Tensor first_output = in_place ? first.other : make(l1);
        Tensor second_output = in_place ? second.other : make(l1);
        auto entry = mock::Entry<Describing>::make(bind, first, first_output);
        entry->refresh(bind, second, second_output);
        auto& args = entry->state().kernel(0).args({0, 0});
        const auto& config = entry->state().cbs.at(0)->config;
        return std::tuple(
            args[0] == (bind ? second_output.buffer()->address() : 0),
            args[1] == second.input.buffer()->address(),
            *config.globally_allocated_address() == second.input.buffer()->address() && config.address_offset() == 64);
    };
    check(after_hit(true, false) == std::tuple(true, false, true), "a hit patches what is bound, and nothing else");
    check(after_hit(false, false) == std::tuple(true, true, true), "a circular buffer alone does not make it patch");
    check(after_hit(true, true) == std::tuple(true, true, true), "a buffer that is there twice leaves nothing bound");
}

// How long a tensor that create() makes is held.
enum class Held { create, variables, storage };

struct Tabulating {
    struct shared_variables_t {
        std::optional<Tensor> table;
        DeviceStorage storage;
    };
    using cached_program_t = ttnn::device_operation::CachedProgram<shared_variables_t>;

    static cached_program_t create(const Held& held, const Tensor&, Tensor&) {
        Built built;
        const Tensor table = Tensor::from_vector(
            std::vector<uint32_t>(8), TensorSpec(Shape({1, 8}), TensorLayout(DataType::UINT32, Layout::ROW_MAJOR, {})));
        const Tensor moved = table.to_device(&mock::device());
        SetRuntimeArgs(built.program, built.reader, CoreCoord(0, 0), {moved.buffer()->address()});
        shared_variables_t variables;
        if (held == Held::variables) {
            variables.table = moved;
        } else if (held == Held::storage) {
            variables.storage = moved.device_storage();
        }
        return {std::move(built.program), std::move(variables)};
    }
    static void override_runtime_arguments(cached_program_t&, const Held&, const Tensor&, Tensor&) {}
};

// The same arg in the cached program, and in the reference program that is made while the cached one is there.
template <typename Factory, typename Attributes, typename Given>
auto in_both(const Attributes& attributes, const Given& first, const Given& second, auto read) {
    auto& record = mock::Record::get();
    record.clear();
    Tensor output = make(MemoryConfig());
    record.phase = "create";
    const auto cached = mock::Entry<Factory>::make(attributes, first, output);
    record.phase = "override";
    cached->refresh(attributes, second, output);
    record.phase = "fresh";
    const auto fresh = mock::Entry<Factory>::make(attributes, second, output);
    record.clear();
    return std::pair(read(*cached), read(*fresh));
}

void tensors_of_create() {
    const Tensor host(HostBuffer(std::vector<bfloat16>(8)), Shape({1, 8}), DataType::BFLOAT16, Layout::ROW_MAJOR);
    check(host.storage_type() == StorageType::HOST && !is_device_tensor(host), "on the host");
    check(throws([&] { host.buffer(); }) && throws([&] { host.device(); }), "no buffer and no device there");
    check(
        throws([] { Tensor(HostBuffer(std::vector<float>(7)), Shape({8}), DataType::FLOAT32, Layout::ROW_MAJOR); }),
        "as much data as the shape says");
    check(throws([&] { Tensor::from_vector(std::vector<float>(7), host.tensor_spec()); }), "as many elements");
    const MemoryConfig l1(TensorMemoryLayout::INTERLEAVED, BufferType::L1);
    const Tensor moved = host.to_device(&mock::device(), l1);
    check(moved.buffer()->is_l1() && moved.memory_config() == l1, "moved to where it is wanted");
    check(host.to_device(&mock::device()).buffer()->is_dram(), "or to where its spec says");
    check(moved.to_device(&mock::device()).buffer() == moved.buffer(), "one on the device stays where it is");
    check(host.to_device(&mock::device(), l1).buffer()->address() != moved.buffer()->address(), "each is elsewhere");

    const auto same_in_both = [&](Held held) {
        const auto [cached, fresh] = in_both<Tabulating>(
            held, moved, moved, [](auto& entry) { return entry.state().kernel(0).args({0, 0})[0]; });
        return cached == fresh;
    };
    check(!same_in_both(Held::create), "what nothing holds is freed when create() returns");
    check(same_in_both(Held::variables), "a tensor in the shared variables is not");
    check(same_in_both(Held::storage), "nor is one whose storage is there");
}

struct Parking {
    struct Attributes {
        bool park;
        bool bind;
    };

    // Args: input, table, semaphore, and a number of the input and the coordinate. A circular buffer on the table.
    static WorkloadDescriptor create_workload_descriptor(
        const Attributes& attributes,
        const Tensor& input,
        Tensor&,
        const distributed::MeshCoordinateRangeSet& coordinates) {
        WorkloadDescriptor workload;
        const auto table = std::make_shared<Tensor>(make(MemoryConfig(TensorMemoryLayout::INTERLEAVED, BufferType::L1)));
        if (attributes.park) {
            workload.buffers.push_back({table, table->buffer()});
        }
        workload.semaphores.emplace_back(&mock::device(), grid, 0);
        for (const auto& coordinate : coordinates.coords()) {
            KernelDescriptor kernel{
                .kernel_source = "reader.cpp", .core_ranges = CoreRangeSet(CoreRange({0, 0}, {0, 0})), .config = {}};
            KernelDescriptor::RTArgList args;
            args.push_back(input.buffer());
            if (attributes.bind) {
                args.push_back(table->buffer());
            } else {
                args.push_back(table->buffer()->address());
            }
            args.push_back(static_cast<uint32_t>(workload.semaphores.front().address()));
            args.push_back(input.buffer()->address() + coordinate[1]);
            kernel.emplace_runtime_args({0, 0}, args);
            ProgramDescriptor descriptor;
            descriptor.kernels.push_back(std::move(kernel));
            descriptor.cbs.push_back(CBDescriptor{
                .total_size = 1024,
                .core_ranges = grid,
                .format_descriptors = {{CBFormatDescriptor{
                    .buffer_index = 0, .data_format = tt::DataFormat::Float16_b, .page_size = 1024}}},
                .buffer = table->buffer()});
            workload.programs.push_back({distributed::MeshCoordinateRange(coordinate), std::move(descriptor)});
        }
        return workload;
    }
};

void workload_descriptors() {
    const auto first = make(MemoryConfig());
    const auto second = make(MemoryConfig());
    const auto read = [](auto& entry) {
        std::vector<std::vector<uint32_t>> words;
        for (const auto& [place, state] : entry.programs()) {
            const auto& args = state->kernel(0).args({0, 0});
            words.push_back({args[0], args[1], args[2], args[3], *state->cbs.at(0)->config.globally_allocated_address()});
        }
        return words;
    };
    const auto holding = [&](Parking::Attributes attributes) {
        const auto [cached, fresh] = in_both<Parking>(attributes, first, second, read);
        std::vector<std::size_t> same;
        for (std::size_t i = 0; i < cached[1].size(); ++i) {
            if (cached[1][i] == fresh[1][i]) {
                same.push_back(i);
            }
        }
        return same;
    };
    const auto [cached, fresh] = in_both<Parking>(Parking::Attributes{true, true}, first, second, read);
    check(cached.size() == 2 && cached[1][3] == cached[0][3] + 1, "a program for each coordinate, in their order");
    check(cached[1][0] == second.buffer()->address(), "a hit patches what is bound in each program");
    check(cached[1][3] == first.buffer()->address() + 1, "and makes nothing anew");
    check(holding({true, true}) == std::vector<std::size_t>{0, 1, 2, 4}, "what is parked stays, and can be bound");
    check(holding({true, false}) == std::vector<std::size_t>{0, 1, 2, 4}, "or be given as a number");
    check(holding({false, false}) == std::vector<std::size_t>{0, 2}, "what is not parked is freed");
    check(throws([&] { holding({false, true}); }), "an arg cannot be bound to it");
    mock::Record::get().clear();
}

}  // namespace

int main() {
    runtime_args();
    common_args();
    creation();
    circular_buffer_addresses();
    accessors();
    hashing();
    cores();
    descriptors();
    tensors_of_create();
    workload_descriptors();
    return failed == 0 ? 0 : 1;
}
