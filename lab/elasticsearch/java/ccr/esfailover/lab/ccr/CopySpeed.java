package esfailover.lab.ccr;

import org.elasticsearch.common.settings.ClusterSettings;
import org.elasticsearch.common.settings.Setting;
import org.elasticsearch.common.unit.ByteSizeUnit;
import org.elasticsearch.common.unit.ByteSizeValue;
import org.elasticsearch.core.TimeValue;

/** How fast first copies come to this node, all of them together. */
final class CopySpeed {
    /** Bytes per second; 0 for no other limit than that of the documented setting. */
    static final Setting<Long> LAB_LIMIT = Setting.longSetting(
        "lab_ccr.copy_bytes_per_second",
        0,
        0,
        Setting.Property.NodeScope,
        Setting.Property.Dynamic
    );
    static final Setting<ByteSizeValue> DOCUMENTED_LIMIT = Setting.byteSizeSetting(
        "ccr.indices.recovery.max_bytes_per_sec",
        ByteSizeValue.of(40, ByteSizeUnit.MB),
        Setting.Property.NodeScope,
        Setting.Property.Dynamic
    );
    static final Setting<ByteSizeValue> CHUNK_SIZE = Setting.byteSizeSetting(
        "ccr.indices.recovery.chunk_size",
        ByteSizeValue.of(1, ByteSizeUnit.MB),
        ByteSizeValue.of(1, ByteSizeUnit.KB),
        ByteSizeValue.of(1, ByteSizeUnit.GB),
        Setting.Property.NodeScope,
        Setting.Property.Dynamic
    );
    /** Requests for pieces of one copy that are under way at a time. */
    static final Setting<Integer> CONCURRENT_CHUNKS = Setting.intSetting(
        "ccr.indices.recovery.max_concurrent_file_chunks",
        5,
        1,
        10,
        Setting.Property.NodeScope,
        Setting.Property.Dynamic
    );
    /** So that progress shows and a new limit counts soon. */
    private static final int CHUNKS_PER_SECOND = 4;
    private static final long NANOS_PER_SECOND = 1_000_000_000L;

    private volatile long labLimit;
    private volatile long documentedLimit;
    private volatile long largestChunk;
    private volatile int concurrentChunks;
    private long freeAtNanos = System.nanoTime();

    CopySpeed(ClusterSettings settings) {
        settings.initializeAndWatch(LAB_LIMIT, limit -> labLimit = limit);
        settings.initializeAndWatch(CHUNK_SIZE, size -> largestChunk = size.getBytes());
        settings.initializeAndWatch(CONCURRENT_CHUNKS, chunks -> concurrentChunks = chunks);
        settings.initializeAndWatch(DOCUMENTED_LIMIT, limit -> documentedLimit = limit.getBytes());
    }

    int concurrentChunks() {
        return concurrentChunks;
    }

    /** Size of the next piece of a file. */
    int chunkBytes() {
        return (int) Math.max(1, Math.min(largestChunk, bytesPerSecond() / CHUNKS_PER_SECOND));
    }

    /** How long to wait until so many bytes have had their time. */
    synchronized TimeValue waitFor(int bytes) {
        long now = System.nanoTime();
        double seconds = (double) bytes / bytesPerSecond();
        freeAtNanos = Math.max(now, freeAtNanos) + (long) (seconds * NANOS_PER_SECOND);
        return TimeValue.timeValueNanos(freeAtNanos - now);
    }

    private long bytesPerSecond() {
        long lab = labLimit > 0 ? labLimit : Long.MAX_VALUE;
        long documented = documentedLimit > 0 ? documentedLimit : Long.MAX_VALUE;
        return Math.min(lab, documented);
    }
}
