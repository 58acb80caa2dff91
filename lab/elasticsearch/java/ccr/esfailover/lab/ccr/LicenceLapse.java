package esfailover.lab.ccr;

import org.elasticsearch.cluster.ClusterChangedEvent;
import org.elasticsearch.cluster.ClusterState;
import org.elasticsearch.cluster.ClusterStateListener;
import org.elasticsearch.cluster.metadata.Metadata;
import org.elasticsearch.cluster.service.ClusterService;
import org.elasticsearch.common.settings.Setting;
import org.elasticsearch.core.TimeValue;
import org.elasticsearch.gateway.GatewayService;
import org.elasticsearch.action.ActionListener;
import org.elasticsearch.license.License;
import org.elasticsearch.license.LicensesMetadata;

import java.lang.reflect.Method;

/**
 * On the elected master: exchanges the cluster's trial licence for one that ended an hour ago, and back, as the dynamic cluster setting
 * asks. What follows from it is Elasticsearch's own doing: {@code GET /_license} shows an expired licence, and security refuses health
 * and statistics.
 */
final class LicenceLapse implements ClusterStateListener {
    static final Setting<Boolean> SETTING = Setting.boolSetting(
        "lab_licence.lapsed",
        false,
        Setting.Property.NodeScope,
        Setting.Property.Dynamic
    );
    private static final TimeValue TRIAL = TimeValue.timeValueDays(30);
    private static final TimeValue LAPSED_FOR = TimeValue.timeValueHours(1);

    private final ClusterService clusterService;

    private LicenceLapse(ClusterService clusterService) {
        this.clusterService = clusterService;
    }

    static void watch(ClusterService clusterService) {
        clusterService.addListener(new LicenceLapse(clusterService));
    }

    @Override
    public void clusterChanged(ClusterChangedEvent event) {
        boolean isRecovered = event.state().blocks().hasGlobalBlock(GatewayService.STATE_NOT_RECOVERED_BLOCK) == false;
        if (event.localNodeMaster() && isRecovered && event.metadataChanged() && withWantedLicence(event.state()) != event.state()) {
            CcrMasterAction.updateState(
                clusterService,
                "exchange the licence",
                LicenceLapse::withWantedLicence,
                ActionListener.noop()
            );
        }
    }

    /** The same state where the licence is as wanted, or is no trial. */
    private static ClusterState withWantedLicence(ClusterState state) {
        LicensesMetadata licences = state.metadata().custom(LicensesMetadata.TYPE);
        License licence = licences == null ? null : licences.getLicense();
        if (licence == null || "trial".equals(licence.type()) == false) {
            return state;
        }
        long now = System.currentTimeMillis();
        boolean isWanted = SETTING.get(state.metadata().settings());
        boolean isLapsed = licence.expiryDate() < now;
        if (isWanted == isLapsed) {
            return state;
        }
        long expiry = isWanted ? now - LAPSED_FOR.millis() : now + TRIAL.millis();
        License.Builder other = new License.Builder().fromLicenseSpec(licence, null)
            .issueDate(expiry - TRIAL.millis())
            .expiryDate(expiry);
        LicensesMetadata exchanged = new LicensesMetadata(signed(other, licence.version()), null);
        return ClusterState.builder(state)
            .metadata(Metadata.builder(state.metadata()).putCustom(LicensesMetadata.TYPE, exchanged))
            .build();
    }

    /** Signed as a licence that the cluster has generated itself; that class is for its own package alone. */
    private static License signed(License.Builder builder, int version) {
        try {
            Method create = Class.forName("org.elasticsearch.license.SelfGeneratedLicense", true, License.class.getClassLoader())
                .getMethod("create", License.Builder.class, int.class);
            create.setAccessible(true);
            return (License) create.invoke(null, builder, version);
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(e);
        }
    }
}
