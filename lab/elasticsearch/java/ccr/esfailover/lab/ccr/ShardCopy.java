package esfailover.lab.ccr;

import org.elasticsearch.action.ActionListener;
import org.elasticsearch.common.UUIDs;
import org.elasticsearch.common.bytes.ReleasableBytesReference;
import org.elasticsearch.index.shard.ShardId;
import org.elasticsearch.index.snapshots.blobstore.BlobStoreIndexShardSnapshot.FileInfo;
import org.elasticsearch.index.snapshots.blobstore.SnapshotFiles;
import org.elasticsearch.index.store.Store;
import org.elasticsearch.index.store.StoreFileMetadata;
import org.elasticsearch.indices.recovery.MultiFileWriter;
import org.elasticsearch.indices.recovery.RecoveryState;
import org.elasticsearch.repositories.blobstore.FileRestoreContext;
import org.elasticsearch.snapshots.SnapshotId;

import java.util.Iterator;
import java.util.List;
import java.util.stream.StreamSupport;

/** Follower side: the first copy of one shard, piece by piece and file by file. Any failure ends it; the next try begins at nothing. */
final class ShardCopy extends FileRestoreContext {
    private final CcrClient client;
    private final CopySpeed speed;
    private final AnswerLimit answers;
    private final String remoteCluster;
    private final ShardId leader;
    private final String copy = UUIDs.randomBase64UUID();

    ShardCopy(
        CcrClient client,
        CopySpeed speed,
        AnswerLimit answers,
        String remoteCluster,
        ShardId leader,
        String repositoryName,
        SnapshotId snapshotId,
        RecoveryState recoveryState
    ) {
        super(repositoryName, recoveryState.getShardId(), snapshotId, recoveryState);
        this.client = client;
        this.speed = speed;
        this.answers = answers;
        this.remoteCluster = remoteCluster;
        this.leader = leader;
    }

    void into(Store store, ActionListener<Void> listener) {
        ask(LeaderFilesAction.Request.open(leader, copy), listener.delegateFailureAndWrap((l, opened) -> {
            List<FileInfo> files = StreamSupport.stream(opened.files.spliterator(), false).map(ShardCopy::wholeFile).toList();
            restore(new SnapshotFiles(snapshotId.getName(), files, null), store, ActionListener.runBefore(l, this::letGo));
        }));
    }

    private static FileInfo wholeFile(StoreFileMetadata file) {
        return new FileInfo(file.name(), file, null);
    }

    @Override
    protected void restoreFiles(List<FileInfo> files, Store store, ActionListener<Void> listener) {
        MultiFileWriter writer = new MultiFileWriter(store, recoveryState.getIndex(), "lab_ccr." + copy + ".", logger);
        ActionListener<Void> whenWritten = ActionListener.runAfter(listener.delegateFailureAndWrap((l, written) -> {
            writer.renameAllTempFiles();
            l.onResponse(null);
        }), writer::close);
        nextFile(files.iterator(), writer, whenWritten);
    }

    private void nextFile(Iterator<FileInfo> files, MultiFileWriter writer, ActionListener<Void> listener) {
        if (files.hasNext()) {
            nextPiece(files.next().metadata(), 0, writer, listener.delegateFailureAndWrap((l, written) -> nextFile(files, writer, l)));
        } else {
            listener.onResponse(null);
        }
    }

    private void nextPiece(StoreFileMetadata file, long offset, MultiFileWriter writer, ActionListener<Void> listener) {
        int length = (int) Math.min(speed.chunkBytes(), file.length() - offset);
        LeaderFilesAction.Request read = LeaderFilesAction.Request.read(leader, copy, file.name(), offset, length);
        ActionListener<LeaderFilesAction.Response> whenRead = listener.delegateFailureAndWrap((l, response) -> {
            boolean isLast = offset + length == file.length();
            writer.writeFileChunk(file, offset, ReleasableBytesReference.wrap(response.bytes), isLast);
            if (isLast) {
                l.onResponse(null);
            } else {
                nextPiece(file, offset + length, writer, l);
            }
        });
        client.later(speed.waitFor(length), () -> ask(read, whenRead));
    }

    private void ask(LeaderFilesAction.Request request, ActionListener<LeaderFilesAction.Response> listener) {
        client.remoteAsSystem(remoteCluster, LeaderFilesAction.REMOTE_TYPE, request, answers.on("files of " + leader, listener));
    }

    /** Without waiting for an answer: a commit that nothing asks for is let go of after a while anyway. */
    private void letGo() {
        client.remoteAsSystem(
            remoteCluster,
            LeaderFilesAction.REMOTE_TYPE,
            LeaderFilesAction.Request.close(leader, copy),
            ActionListener.noop()
        );
    }
}
