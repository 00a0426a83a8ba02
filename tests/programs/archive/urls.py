from django.contrib import admin
from django.urls import path

from . import views

urlpatterns = [
    path("", views.documents, name="documents"),
    path("documents/<int:id>/", views.download, name="download"),
    path("admin/", admin.site.urls),
]
